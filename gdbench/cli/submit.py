"""`gdbench submit` and `gdbench verify`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gdbench.cli import options as o
from gdbench.cli.audit import folder_of, loading, print_audit
from gdbench.errors import InputError
from gdbench.numbers import value_text
from gdbench.run import ModelRequest, flag_of
from gdbench.terminal import Table, error, kept_for_the_answer, line, note, show

if TYPE_CHECKING:
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
        bool | None,
        typer.Option(
            "--with-errors/--without-errors",
            help="Keep the per-timestep errors (default: of tasks where they are small).",
            show_default=False,
        ),
    ] = None,
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

    source = ManifestSource(folder_of("--root", root), folder_of("--manifests", manifests))
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
        if not report.ok:
            note("Nothing was checked against the task's items: give --root or --manifests.")


@o.generated(options={**o.fields(ModelRequest, "lora"), **o.WHERE})
def verify(
    options: dict[str, Any],
    folder: Annotated[Path, typer.Argument(help="submissions, or a folder inside it.")],
    rescore: Annotated[
        str | None, typer.Option(help="Run the model again on so many items, e.g. 1% (see audit).")
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="Load this model for --rescore.")
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(help="The whole tree that is there: nothing may change; its logs count."),
    ] = None,
    log: Annotated[
        Path | None, typer.Option(help="Folder whose public logs count (default: the tree's).")
    ] = None,
    item: Annotated[
        str | None, typer.Option(help="Show this item of one task and its proof; nothing else.")
    ] = None,
    root: o.RootOption = None,
    manifests: ManifestsOption = None,
    as_json: o.JsonOption = False,
) -> None:
    """Recompute every number of submissions from their scores; exit code 1 unless all agree."""
    from gdbench.submissions.audit import Wanted, audit, parse_share
    from gdbench.submissions.manifest import ManifestSource
    from gdbench.submissions.verify import verify as run_verify

    if item is not None:
        _show_item(folder, item, as_json=as_json)
        return
    share = None if rescore is None else parse_share(rescore)
    if share is None:
        _need_rescore({"--model": model} | {flag_of(n): v for n, v in options.items()})
    source = ManifestSource(folder_of("--root", root), folder_of("--manifests", manifests))
    report = run_verify(folder, source, log=folder_of("--log", log), against=against)
    done = None
    if share is not None:
        load, where = loading(options, model)
        with kept_for_the_answer():
            done = audit(report, source, load, Wanted(share=share), item_timeout=where.item_timeout)
    if as_json:
        found = report.as_dict()
        if done is not None:
            found |= {"ok": report.ok and done.ok, "rescored": done.as_dict()["tasks"]}
        typer.echo(json.dumps(found, indent=2))
    elif against is not None:
        from gdbench.submissions.review import review

        for text in review(report, against, source).removesuffix("\n").split("\n"):
            line(text)
    else:
        print_report(report, own_log=log is None)
    if done is not None and not as_json:
        print_audit(done)
    if not report.ok or (done is not None and not done.ok):
        raise typer.Exit(1)


def _show_item(folder: Path, item: str, *, as_json: bool) -> None:
    """One item of one result, and the hashes that lead from it to the root in the record."""
    from gdbench.submissions.finished import open_finished
    from gdbench.submissions.merkle import proof_of

    finished = open_finished(folder)
    proof = proof_of(item, finished.scores, finished.record.settings.noise_sha256)
    said = finished.record.items_root
    agrees = proof.holds and said in (None, proof.root)
    found = asdict(proof) | {"recorded_root": said, "ok": agrees}
    if as_json:
        typer.echo(json.dumps(found, indent=2))
    else:
        line(json.dumps(proof.leaf))
        line(f"item {proof.index} of {proof.size}, counted from 0 in the order of ids")
        for step in proof.path:
            line(f"  {step}")
        known = "is that of the record" if said == proof.root else "is in no record"
        line(f"root {proof.root}, which {known if agrees else 'is not that of the record'}")
    if not agrees:
        raise typer.Exit(1)


def _need_rescore(flags: dict[str, object]) -> None:
    """Raise InputError for a flag that says something about running a model again."""
    for flag, value in flags.items():
        if value:
            raise InputError(f"{flag} needs --rescore")


def print_report(report: Report, *, own_log: bool = False) -> None:
    """A table of the submissions, and one line for each problem.

    With `own_log` levels that rest on a log of the very folder that was verified are marked so.
    """
    from gdbench.tasks import of_record

    table = Table()
    for name in ("submission", "evidence"):
        table.add_column(name)
    for name in ("items", "score"):
        table.add_column(name, justify="right")
    for v in report.submissions:
        table.add_row(
            v.place.path,
            v.level.value + (f" ({v.reason})" if v.reason else ""),
            str(v.record.task.n_items) if v.record else "",
            value_text(v.record.score, of_record(v.record).score_unit) if v.record else "",
        )
    show(table)
    for p in (*report.problems, *report.notes):
        line(f"{p.path}: {p.check}: {p.problem}")
    if own_log and any(v.level.ranked for v in report.submissions):
        note("what is audited or reproduced rests on the log of this very folder; for a stranger's "
             "folder give --against or --log")  # fmt: skip
    verdict = "ok" if report.ok else f"{len(report.problems)} problems"
    line(f"{len(report.submissions)} submissions, {verdict}")
