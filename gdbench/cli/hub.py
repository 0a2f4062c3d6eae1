"""`gdbench push` and `gdbench pull`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from gdbench.cli import options as o
from gdbench.terminal import line, note


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command("push")(push)
    app.command("pull")(pull)


RepoOption = Annotated[str, typer.Argument(metavar="OWNER/NAME", help="Data set repository.")]


def push(
    folder: Annotated[Path, typer.Argument(help="A run, or a folder of submissions.")],
    repo: RepoOption,
    private: Annotated[bool, typer.Option("--private", help="If the repository is made.")] = False,
    pull_request: Annotated[
        bool, typer.Option("--pr", help="Open a pull request instead of committing.")
    ] = False,
    as_json: o.JsonOption = False,
) -> None:
    """Upload results to a data set repository of the Hugging Face hub."""
    from gdbench.submissions.hub import push as upload

    pushed = upload(folder, repo, private=private, pull_request=pull_request)
    if as_json:
        typer.echo(json.dumps({"url": pushed.url, "files": pushed.files}, indent=2))
    else:
        line(f"{len(pushed.files)} files: {pushed.url}")


def pull(
    repo: RepoOption,
    to: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("submissions"),
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit.")] = None,
    as_json: o.JsonOption = False,
) -> None:
    """Download results from a data set repository and recompute every submission's numbers."""
    from gdbench.cli.submit import print_report
    from gdbench.submissions.hub import pull as download
    from gdbench.submissions.verify import NOT_AT_HAND, verify

    files = download(repo, to, revision=revision)
    note(f"{len(files)} files in {to}")
    parts = [f.relative_to(to).parts for f in files]
    places = {to.joinpath(*(p[:2] if p[0] == "runs" else p[:1])) for p in parts}
    reports = [verify(place) for place in sorted(places) if place.is_dir()]
    if as_json:
        found = {"files": [str(f) for f in files], "reports": [r.as_dict() for r in reports]}
        typer.echo(json.dumps(found, indent=2))
    else:
        for report in reports:
            print_report(report)
    if any(p.check not in NOT_AT_HAND for report in reports for p in report.problems):
        raise typer.Exit(1)
