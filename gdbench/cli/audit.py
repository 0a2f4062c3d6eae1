"""`gdbench audit`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gdbench.cli import options as o
from gdbench.errors import InputError
from gdbench.run import ModelRequest, Where, validated
from gdbench.terminal import Table, error, kept_for_the_answer, line, note, show

if TYPE_CHECKING:
    from gdbench.submissions.at_hand import Load
    from gdbench.submissions.audit import AuditReport

_MOST_FLIPS = 5


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("audit")(audit)


@o.generated(options={**o.fields(ModelRequest, "lora"), **o.WHERE})
def audit(
    options: dict[str, Any],
    folder: Annotated[Path, typer.Argument(help="submissions/MODEL/REVISION, or above or below.")],
    points: Annotated[
        float, typer.Option(help="Points of the score whose forgery has to be found.")
    ] = 2.0,
    power: Annotated[float, typer.Option(help="How surely it has to be found.")] = 0.99,
    everything: Annotated[
        bool, typer.Option("--all", help="Run every item again: reproduce it.")
    ] = False,
    randomness: Annotated[
        str,
        typer.Option(
            help="What draws the items: a beacon's value or a commit that is newer than the "
            "submission; default: the system's."
        ),
    ] = "",
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="Load this model (default: by its name).")
    ] = None,
    record: Annotated[
        bool, typer.Option("--record", help="Write what agreed to the audit log.")
    ] = False,
    log: Annotated[
        Path | None, typer.Option(help="Folder of the public logs (default: the submissions').")
    ] = None,
    against: Annotated[
        Path | None, typer.Option(help="Only what is not in this tree, whose logs count.")
    ] = None,
    by: Annotated[str, typer.Option(help="Who runs the audit, for the log.")] = "maintainers",
    root: o.RootOption = None,
    manifests: Annotated[Path | None, typer.Option(help="Folder of pinned manifests.")] = None,
    as_json: o.JsonOption = False,
) -> None:
    """Run a random part of a submission again; exit code 0 only where all of it agreed."""
    from gdbench.submissions.audit import Wanted, record_audit
    from gdbench.submissions.audit import audit as run_audit
    from gdbench.submissions.layout import run_places
    from gdbench.submissions.logs import check_word
    from gdbench.submissions.manifest import ManifestSource
    from gdbench.submissions.review import changed
    from gdbench.submissions.verify import submissions_root, verify

    if record:
        check_word("--by", by)
        check_word("--randomness", randomness or "system")
    wanted = Wanted(points, power, 1.0 if everything else None, randomness.strip())
    if record and folder.is_dir() and run_places(folder):
        raise InputError(f"{folder} is a run; --record writes to a folder of submissions")
    source = ManifestSource(folder_of("--root", root), folder_of("--manifests", manifests))
    place = folder_of("--log", log)
    load, where = loading(options, model)
    report = verify(folder, source, log=place, against=against)
    if against is not None:
        report = replace(report, submissions=tuple(changed(report)))
    with kept_for_the_answer():
        done = run_audit(report, source, load, wanted, item_timeout=where.item_timeout)
    if as_json:
        typer.echo(json.dumps(done.as_dict(), indent=2))
    else:
        for problem in report.problems:
            error(f"{problem.path}: {problem.check}: {problem.problem}")
        print_audit(done)
    if record:
        n = record_audit(done, report, place or submissions_root(folder), by)
        note(f"{n} entries written to the audit log")
    if not done.ok:
        raise typer.Exit(1)


def folder_of(flag: str, folder: Path | None) -> Path | None:
    """A folder that was given. Raises InputError where there is none of that name."""
    if folder is not None and not folder.is_dir():
        raise InputError(f"{flag} {folder}: no such folder")
    return folder


def loading(options: dict[str, Any], model: str | None) -> tuple[Load, Where]:
    """How models of records are loaded, and where they run."""
    from gdbench.submissions.at_hand import loader

    lora = options.pop("lora", None)
    where = validated(Where, options)
    return loader(model, lora, where), where


def print_audit(done: AuditReport) -> None:
    """A table of what was run again, and what it can find."""
    table = Table()
    table.add_column("submission")
    for name in ("items", "of", "flips", "largest", "noise", "finds"):
        table.add_column(name, justify="right")
    table.add_column("verdict")
    for t in done.tasks:
        if t.skipped:
            table.add_row(t.path, "0", "", "", "", "", "", "not audited")
            continue
        table.add_row(
            t.path, str(t.items), str(t.of), str(len(t.flips)), f"{t.largest:.2g}",
            f"{t.tolerance:.2g}", "" if t.alone is None else f"{t.alone:g}",
            "agrees" if t.agrees else "DIFFERS",
        )  # fmt: skip
    show(table)
    for t in done.tasks:
        if t.skipped:
            error(f"{t.path}: not audited: {t.skipped}")
        elif t.fault:
            error(f"{t.path}: {t.fault}")
        for item in t.flips[:_MOST_FLIPS]:
            error(f"{t.path}: item {item!a}: another answer than was submitted")
    line("largest: difference between candidates; noise: what this model may differ by here")
    line("finds: the smallest forgery of this task alone that is found, in its points")
    if done.ok:
        line(
            f"a forgery of {done.points:g} points of the score of any submission above is found "
            f"with {_surely(done.power)} or more"
        )
    line(f"items drawn by: {done.randomness}")


def _surely(power: float) -> str:
    return "100 %" if power >= 1 else f"{int(power * 1000) / 10:g} %"
