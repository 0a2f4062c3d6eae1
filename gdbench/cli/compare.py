"""`gdbench compare`."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gdbench.cli import options as o
from gdbench.cli.score import TiesOption, parse_ties
from gdbench.errors import InputError
from gdbench.numbers import SHARE, Unit, interval_text, p_text, value_text
from gdbench.terminal import Table, paragraph, show

if TYPE_CHECKING:
    from gdbench.metrics.paired import PairedDifference
    from gdbench.submissions.comparison import ModelComparison, Ranking


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("compare")(run)


def run(
    folders: Annotated[
        list[Path],
        typer.Argument(metavar="A B...", help="Runs or submissions/<model>/<revision>."),
    ],
    metrics: Annotated[
        bool, typer.Option("--metrics", help="Also every metric, not only the tasks' scores.")
    ] = False,
    ties: TiesOption = None,
    margin: Annotated[
        float | None,
        typer.Option("--margin", help="Say whether they are equal within so many points (TOST)."),
    ] = None,
    root: o.RootOption = None,
    as_json: o.JsonOption = False,
) -> None:
    """Paired differences of models with intervals and p-values, and ranks with intervals."""
    from gdbench.submissions.comparison import compare_models, distinct, rank_models
    from gdbench.submissions.manifest import ManifestSource
    from gdbench.submissions.results import load_results

    if len(folders) < 2:  # noqa: PLR2004 # nothing to compare
        raise InputError("compare needs two folders or more")
    rule = parse_ties(ties)
    loaded = [load_results(folder, ManifestSource(root)) for folder in folders]
    results = distinct(loaded, [str(folder) for folder in folders])
    found = [compare_models(a, b, ties=rule) for a, b in combinations(results, 2)]
    ranking = rank_models(results, ties=rule)
    if as_json:
        data = {
            "comparisons": [c.as_dict() for c in found],
            "ranking": ranking.as_dict() if ranking else None,
        }
        typer.echo(json.dumps(data, indent=2))
        return
    for comparison in found:
        _print_comparison(comparison, metrics=metrics, margin=margin)
    if ranking is not None:
        _print_ranking(ranking)


def _blocks(found: ModelComparison, *, metrics: bool) -> list[Sequence[PairedDifference]]:
    """Rows that belong together: task scores and their mean, metrics, bias."""
    overall = [found.overall] if found.overall else []
    blocks = [
        [*(found.tasks.rows if found.tasks else ()), *overall],
        found.metrics.rows if found.metrics and metrics else (),
        found.bias,
    ]
    return [block for block in blocks if block]


def _table(
    found: ModelComparison,
    headers: Sequence[str],
    cells: Callable[[PairedDifference, Unit], Sequence[str]],
    *,
    metrics: bool,
    title: str | None = None,
) -> Table:
    """A table of some columns of every row; `cells` takes a row and its unit."""
    table = Table(title=title)
    table.add_column("", no_wrap=True)
    for name in headers:
        table.add_column(name, justify="right")
    for block in _blocks(found, metrics=metrics):
        table.add_section()
        for row in block:
            table.add_row(row.name, *cells(row, found.unit(row)))
    return table


def _difference(row: PairedDifference, unit: Unit) -> tuple[str, ...]:
    return (
        value_text(row.first, unit),
        value_text(row.second, unit),
        value_text(row.difference, unit, difference=True),
        interval_text(row.low, row.high, unit, difference=True, between=".."),
        p_text(row.p_value),
        p_text(row.p_holm),
    )


def _power(row: PairedDifference, unit: Unit) -> tuple[str, ...]:
    return (
        str(row.n),
        str(row.discordant),
        value_text(row.detectable, unit).removeprefix("+"),
        value_text(row.equivalent_within, unit).removeprefix("+"),
    )


def _print_comparison(found: ModelComparison, *, metrics: bool, margin: float | None) -> None:
    title = f"A = {found.first}, B = {found.second}"
    headers = ("A", "B", "A-B", "95 %", "p", "Holm")
    show(_table(found, headers, _difference, metrics=metrics, title=title))
    paragraph("p: exact McNemar, adjusted t or jackknife")
    paragraph("Holm: p adjusted over the rows of a block")
    # two tables, so that both fit a narrow terminal
    show(_table(found, ("n", "differ", "detect", "within"), _power, metrics=metrics))
    paragraph("differ: items on which they differ")
    paragraph("detect: smallest difference found with 80 % power")
    paragraph("within: no larger difference is shown at 5 % (two tests)")
    if margin is not None:
        _print_equal(found, margin)


def _print_equal(found: ModelComparison, margin: float) -> None:
    rows = [*(found.tasks.rows if found.tasks else ()), *([found.overall] if found.overall else ())]
    equal = [r.name for r in rows if r.equivalent(margin / 100)]
    not_shown = [r.name for r in rows if not r.equivalent(margin / 100)]
    paragraph(f"equal within {margin:g} points: {', '.join(equal) or 'none'}")
    paragraph(f"not shown to be: {', '.join(not_shown) or 'none'}")


def _print_ranking(ranking: Ranking) -> None:
    if ranking.unranked:
        paragraph(f"no ranks: {ranking.unranked}")
        return
    table = Table(title=f"Mean of {', '.join(ranking.tasks)}")
    for name in ("rank", "model", "score"):
        table.add_column(name)
    for r in ranking.ranks.values():
        span = str(r.best) if r.best == r.worst else f"{r.best}-{r.worst}"
        table.add_row(span, r.model, value_text(r.value, SHARE))
    show(table)
    for group in ranking.groups:
        if len(group) > 1:
            paragraph(f"cannot be told apart: {', '.join(group)}")
