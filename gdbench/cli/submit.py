"""`gdbench submit` and `gdbench verify`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gdbench.cli import options as o
from gdbench.errors import InputError
from gdbench.numbers import value_text
from gdbench.run import ModelRequest, Where, flag_of, validated
from gdbench.terminal import Table, error, kept_for_the_answer, line, note, show

if TYPE_CHECKING:
    from gdbench.submissions.rescore import Rescored
    from gdbench.submissions.verify import Report

ManifestsOption = Annotated[
    Path | None, typer.Option("--manifests", help="Folder of pinned manifests (see the docs).")
]


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command("submit")(submit)
    app.command("verify")(verify)


def submit(
    run: Annotated[Path, typer.Argument(help="Run directory of `gdbench evaluate`.")],
    to: Annotated[Path, typer.Option(help="Folder of submissions.")] = Path("submissions"),
    with_errors: Annotated[
        bool, typer.Option("--with-errors", help="Keep the per-timestep errors (large).")
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Overwrite the same model, revision and task.")
    ] = False,
    root: o.RootOption = None,
    manifests: ManifestsOption = None,
    as_json: o.JsonOption = False,
) -> None:
    """Make a verifiable submission of every finished task of a run."""
    from gdbench.submissions.manifest import ManifestSource
    from gdbench.submissions.submit import submit as make

    source = ManifestSource(root, manifests)
    folders, report = make(run, to, with_errors=with_errors, replace=replace, source=source)
    wrong = [p for p in report.problems if p.check != "unavailable"]
    if as_json:
        found = report.as_dict() | {"folders": [str(f) for f in folders]}
        typer.echo(json.dumps(found, indent=2))
    else:
        print_report(report)
    if wrong:
        error("Nothing was written: the run does not verify.")
        raise typer.Exit(1)
    if not as_json:
        note(f"Wrote {len(folders)} to {to}. Commit them and open a pull request.")


@o.generated(options={**o.fields(ModelRequest, "lora"), **o.WHERE})
def verify(
    options: dict[str, Any],
    folder: Annotated[Path, typer.Argument(help="submissions, or a folder inside it.")],
    rescore: Annotated[
        str | None, typer.Option(help="Run the model again on so many items, e.g. 1%.")
    ] = None,
    record: Annotated[
        bool, typer.Option("--record", help="Write what was rescored to RESCORED.toml.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Seed that chooses the items.", min=0)] = 0,
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="Load this model for --rescore.")
    ] = None,
    skip_missing: Annotated[
        bool, typer.Option("--skip-missing", help="Models that are not here do not count.")
    ] = False,
    against: Annotated[
        Path | None,
        typer.Option(help="Print Markdown for a pull request: what differs from this folder."),
    ] = None,
    root: o.RootOption = None,
    manifests: ManifestsOption = None,
    as_json: o.JsonOption = False,
) -> None:
    """Recompute every number of submissions from their scores; exit code 1 unless all agree."""
    from gdbench.submissions.manifest import ManifestSource
    from gdbench.submissions.rescore import loader, parse_share, rescore_report
    from gdbench.submissions.verify import verify as run_verify

    share = None if rescore is None else parse_share(rescore)
    if share is None:
        flags = {"--record": record, "--model": model, "--skip-missing": skip_missing}
        _need_rescore(flags | {flag_of(n): v for n, v in options.items()})
    lora = options.pop("lora", None)
    source = ManifestSource(root, manifests)
    report = run_verify(folder, source)
    rescored: list[Rescored] = []
    if share is not None:
        where = validated(Where, options)
        with kept_for_the_answer():
            report, rescored = rescore_report(
                report, share, folder=folder, seed=seed, root=root, record=record,
                load=loader(model, lora, where), item_timeout=where.item_timeout,
            )  # fmt: skip
    if as_json:
        found = report.as_dict()
        if share is not None:
            found["rescored"] = [r.as_dict() for r in rescored]
        typer.echo(json.dumps(found, indent=2))
    elif against is not None:
        from gdbench.submissions.review import review

        for text in review(report, against, source).removesuffix("\n").split("\n"):
            line(text)
    else:
        print_report(report)
        _print_rescored(rescored)
    missing = [r for r in rescored if r.skipped]
    if missing and not skip_missing:
        note(f"{len(missing)} of {len(rescored)} were not run again")
    if not report.ok or (missing and not skip_missing):
        raise typer.Exit(1)


def _need_rescore(flags: dict[str, object]) -> None:
    """Raise InputError for a flag that says something about running a model again."""
    for flag, value in flags.items():
        if value:
            raise InputError(f"{flag} needs --rescore")


def _print_rescored(rescored: list[Rescored]) -> None:
    for r in rescored:
        done = f"run again on {r.items} items, largest difference {r.max_difference:.2g}"
        line(f"{r.path}: {f'not run again: {r.skipped}' if r.skipped else done}")


def print_report(report: Report) -> None:
    """A table of the submissions, and one line for each problem."""
    from gdbench.tasks import of_record

    table = Table()
    for name in ("submission", "badge"):
        table.add_column(name)
    for name in ("items", "score"):
        table.add_column(name, justify="right")
    for v in report.submissions:
        table.add_row(
            v.place.path,
            v.badge.value + (f" ({v.reason})" if v.reason else ""),
            str(v.record.task.n_items) if v.record else "",
            value_text(v.record.score, of_record(v.record.task).score_unit) if v.record else "",
        )
    show(table)
    for p in report.problems:
        line(f"{p.path}: {p.check}: {p.problem}")
    verdict = "ok" if report.ok else f"{len(report.problems)} problems"
    line(f"{len(report.submissions)} submissions, {verdict}")
