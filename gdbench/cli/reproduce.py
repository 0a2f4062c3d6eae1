"""`gdbench reproduce`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from gdbench.cli import options as o
from gdbench.cli.interruption import goes_on
from gdbench.cli.summary import print_table
from gdbench.errors import InputError
from gdbench.run import Where
from gdbench.terminal import kept_for_the_answer, line, note, paragraph

if TYPE_CHECKING:
    from gdbench.reproduce.price import Price
    from gdbench.reproduce.report import TableReport

_PLACES = o.fields(Where, "device", "batch_size", "offload", "cache_dir")
Form = Literal["table", "md", "json"]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("reproduce")(goes_on(run))


@o.generated(places=_PLACES)
def run(
    places: dict[str, Any],
    paper: Annotated[Literal["krojer2023"], typer.Argument(help="Which paper.")],
    table: Annotated[
        Literal["1", "2", "3", "bias", "runtime"] | None,
        typer.Option(help="Only this table; bias is another name of 3. Default: all."),
    ] = None,
    budget: Annotated[
        Literal["authors", "lite", "full"] | None,
        typer.Option(
            help="authors (default): their timesteps and numbers of items; lite: at most 50, the "
            "items of GDBench-lite; full: their timesteps, all items."
        ),
    ] = None,
    suite: Annotated[
        Literal["full", "mini"],
        typer.Option(help="mini: the paper's findings on the bundled models, in minutes."),
    ] = "full",
    out: Annotated[Path, typer.Option(help="Folder of the runs; they are gone on with.")] = Path(
        "reproduction"
    ),
    runs: Annotated[
        list[Path] | None, typer.Option(help="Folder with finished runs; may be repeated.")
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(help="NAME=FOLDER: what to run as the registered model NAME; repeatable."),
    ] = None,
    lora: Annotated[
        list[str] | None,
        typer.Option(help="KIND=FOLDER: LoRA of random-text, hard-text or hard-image negatives."),
    ] = None,
    samples: Annotated[
        int | None, typer.Option(help="At most so many timesteps (mini: 10).", min=1, max=1000)
    ] = None,
    limit: Annotated[
        int | None, typer.Option(help="At most so many items of a sub-task (mini: 40).", min=1)
    ] = None,
    root: o.RootOption = None,
    allow_partial: Annotated[
        bool, typer.Option("--allow-partial", help="Leave out what is missing of a data set.")
    ] = False,
    no_run: Annotated[
        bool, typer.Option("--no-run", help="Start nothing: only what finished runs tell.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what it would take; needs no data.")
    ] = False,
    passes_per_second: Annotated[
        float | None, typer.Option(help="With --dry-run: your network's speed.", min=1e-6)
    ] = None,
    form: Annotated[Form, typer.Option("--format", help="How the tables are written.")] = "table",
    report: Annotated[
        Path | None, typer.Option(help="HTML page to write [default: report.html in --out].")
    ] = None,
    as_json: o.JsonOption = False,
) -> None:
    """The paper's tables again: the authors' numbers, ours, and whether they agree.

    An HTML page of the same lies beside the runs. Table 3 of the paper is that of bias.
    Exit code 1 where a number of the authors has none of ours beside it.
    """
    del paper
    form = "json" if as_json else form
    if passes_per_second is not None and not dry_run:
        raise InputError("--passes-per-second goes with --dry-run")
    if suite == "mini":
        unused = {
            "--table": table, "--budget": budget, "--runs": runs, "--model": model, "--lora": lora,
            "--root": root, "--allow-partial": allow_partial, "--no-run": no_run,
            "--dry-run": dry_run,
        }  # fmt: skip
        given = [name for name, value in unused.items() if value]
        _mini(Path.cwd() / out, report, samples, limit, places, form, given)
        return
    from gdbench.reproduce.plan import Plan
    from gdbench.reproduce.price import price
    from gdbench.reproduce.recipe import tables
    from gdbench.reproduce.run import Reproduction

    plan = Plan(budget or "authors", models(model), loras(lora), samples=samples, limit=limit)
    here = Path.cwd()
    data = None if root is None else here / root
    work = Reproduction(
        plan, here / out, tuple(runs or ()), data, allow_partial=allow_partial, start=not no_run,
        options=places, say=note,
    )  # fmt: skip
    chosen = list(tables(table))
    if dry_run:
        _print_price(price(chosen, plan, work.runs(), data, passes_per_second), form)
        return
    from gdbench.reproduce.page import PAGE, write_tables

    page = here / (report or out / PAGE)
    with kept_for_the_answer():
        reports = list(work.reports(chosen))
        write_tables(page, reports)
        note(f"page: {page}")
    _print(reports, form)
    if not all(report.complete for report in reports):
        raise typer.Exit(1)


def _mini(
    out: Path, page: Path | None, samples: int | None, limit: int | None, places: dict[str, Any],
    form: Form, unused: Sequence[str],
) -> None:  # fmt: skip
    """The findings on the bundled models."""
    if unused:
        raise InputError(f"{unused[0]}: --suite mini has its own models, items and budget")
    from gdbench.reproduce.mini import SAMPLES, reproduce_mini
    from gdbench.reproduce.page import PAGE, write_findings

    where = Path.cwd() / page if page else out / PAGE
    with kept_for_the_answer():
        report = reproduce_mini(out, samples=samples or SAMPLES, limit=limit, **places)
        write_findings(where, report)
        note(f"page: {where}")
    if form == "json":
        typer.echo(json.dumps(report.as_dict(), indent=2))
    elif form == "md":
        _lines(report.markdown())
    else:
        print_table(report.table())
        for text in report.notes:
            paragraph(text, indent=2)


def pairs(flag: str, values: Sequence[str] | None) -> dict[str, str]:
    """What `NAME=VALUE` options say. Raises InputError for another form, or a name twice."""
    found: dict[str, str] = {}
    for value in values or ():
        name, sign, rest = value.partition("=")
        if not sign or not name or not rest or name in found:
            raise InputError(f"{flag} {value}: expected NAME=FOLDER, each name once")
        found[name] = rest
    return found


def models(values: Sequence[str] | None) -> dict[str, str]:
    """What is run in place of a registered model. Raises InputError for one that no row has."""
    from gdbench.reproduce.recipe import TABLES

    found = pairs("--model", values)
    known = sorted({row.model for table in TABLES.values() for row in table.rows})
    unknown = [name for name in found if name not in known]
    if unknown:
        raise InputError(f"--model {unknown[0]}=…: the tables have {', '.join(known)}")
    return found


def loras(values: Sequence[str] | None) -> dict[str, str]:
    """The LoRAs of rows whose weights were not released. Raises InputError for another kind."""
    from gdbench.reproduce.plan import kinds_of_lora

    found = pairs("--lora", values)
    unknown = [kind for kind in found if kind not in kinds_of_lora()]
    if unknown:
        raise InputError(f"--lora {unknown[0]}=…: expected one of {', '.join(kinds_of_lora())}")
    return found


def _print(reports: Sequence[TableReport], form: Form) -> None:
    if form == "json":
        from gdbench.reproduce.report import as_dicts

        typer.echo(json.dumps(as_dicts(reports), indent=2))
        return
    for report in reports:
        if form == "md":
            _lines(report.markdown())
            line()
            continue
        line(f"Table {report.name}: {report.title}")
        for heading, table, notes in report.parts():
            line()
            line(heading)
            print_table(table)
            for text in notes:
                paragraph(text, indent=2)
        line()
        paragraph(report.note, indent=2)
    if form == "table":
        from gdbench.reproduce.page import HOW

        paragraph(HOW, indent=2)


def _print_price(price: Price, form: Form) -> None:
    if form == "json":
        typer.echo(json.dumps(price.as_dict(), indent=2))
    elif form == "md":
        _lines(price.markdown())
    else:
        print_table(price.table())
        for text in price.notes:
            paragraph(text, indent=2)


def _lines(text: str) -> None:
    """A file format: nothing in it is folded."""
    for part in text.split("\n"):
        line(part)
