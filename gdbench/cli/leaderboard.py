"""`gdbench leaderboard build` and `serve`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gdbench.cli import options as o
from gdbench.cli.audit import folder_of
from gdbench.terminal import error, line, note

SUBMISSIONS = Path("submissions")
SITE = Path("leaderboard")
_KEPT = "board"  # folder of judgements that are kept, in the cache
_MAX_LISTED = 10

SubmissionsOption = Annotated[Path, typer.Option(help="Folder of submissions.")]
OutOption = Annotated[Path, typer.Option(help="Folder that the site is written to.")]
RunsOption = Annotated[
    list[Path] | None, typer.Option(help="Run directory to show as a local run; may be repeated.")
]
app = typer.Typer(no_args_is_help=True, help="Build the leaderboard site from records.")


def register(parent: typer.Typer) -> None:
    """Add the verbs to the command line."""
    parent.add_typer(app, name="leaderboard")


def _there(submissions: Path, runs: list[Path] | None) -> Path | None:
    """None where the usual folder is not there, and the runs are all that is to be shown."""
    usual = submissions == SUBMISSIONS and not submissions.exists()
    return None if runs and usual else submissions


@app.command("build")
def build_site(
    submissions: SubmissionsOption = SUBMISSIONS,
    out: OutOption = SITE,
    runs: RunsOption = None,
    root: o.RootOption = None,
    manifests: Annotated[Path | None, typer.Option(help="Folder of pinned manifests.")] = None,
    reported: Annotated[
        Path | None, typer.Option(help="Folder that `gdbench import` wrote, shown apart.")
    ] = None,
    address: Annotated[
        str, typer.Option(help="Where the site will be on the web, for preview pictures of links.")
    ] = "",
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit with 1 if the site is stale.")
    ] = False,
) -> None:
    """Build the site: static pages that work without a server, a network or JavaScript."""
    from gdbench.data.published import sources_in
    from gdbench.environment import cache_folder
    from gdbench.leaderboard import Keep, build, differences
    from gdbench.submissions.manifest import ManifestSource

    others = () if reported is None else sources_in(reported)
    source = ManifestSource(folder_of("--root", root), folder_of("--manifests", manifests))
    shown = _there(submissions, runs)
    if check:
        stale = differences(
            shown, out, runs=runs or (), source=source, reported=others, address=address
        )
        for difference in stale[:_MAX_LISTED]:
            error(difference)
        if len(stale) > _MAX_LISTED:
            error(f"and {len(stale) - _MAX_LISTED} more")
        if stale:
            error(f"{out} is stale; run: gdbench leaderboard build")
            raise typer.Exit(1)
        note(f"{out} is up to date")
        return
    built = build(
        shown, out, runs=runs or (), source=source, reported=others, address=address,
        keep=Keep(cache_folder() / _KEPT),
    )  # fmt: skip
    note(
        f"{built.n_records} records of {built.n_models} models, {built.n_files} files, "
        f"{built.n_bytes / 1e6:.1f} MB"
    )
    line(str(built.home))


@app.command()
def serve(
    submissions: SubmissionsOption = SUBMISSIONS,
    out: OutOption = SITE,
    runs: RunsOption = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 picks a free one.")] = 8000,
) -> None:
    """Serve the site on this machine; it is rebuilt when records change."""
    from gdbench.environment import cache_folder
    from gdbench.leaderboard import Keep, build
    from gdbench.leaderboard.serve import Rebuilder, server

    keep = Keep(cache_folder() / _KEPT)

    shown = _there(submissions, runs)

    def rebuild() -> None:
        build(shown, out, runs=runs or (), keep=keep)

    rebuild()
    folders = [*([] if shown is None else [shown]), *(runs or ())]
    rebuilder = Rebuilder(folders, rebuild, note)
    with server(out, rebuilder, port) as running:
        line(f"http://127.0.0.1:{running.server_address[1]}/  (stop with Ctrl-C)")
        try:
            running.serve_forever()
        except KeyboardInterrupt:
            note("stopped")
