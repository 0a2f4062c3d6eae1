"""`gdbench compare`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gdbench.cli import options as o
from gdbench.cli.score import TiesOption, parse_ties
from gdbench.errors import InputError
from gdbench.numbers import SHARE, interval_text, value_text
from gdbench.terminal import Table, line, show

if TYPE_CHECKING:
    from gdbench.metrics.paired import PairedDifference
    from gdbench.submissions.comparison import ModelComparison, Ranking

_FEWEST_DIGITS = 0.0001
_TWO_DECIMALS = 0.1  # from here on two decimals tell enough of a p-value


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


def _p(value: float | None) -> str:
    if value is None:
        return ""
    if value < _FEWEST_DIGITS:
        return f"<{_FEWEST_DIGITS}"
    return f"{value:.2g}" if value < _TWO_DECIMALS else f"{value:.2f}"


def _add(table: Table, rows: Sequence[PairedDifference], found: ModelComparison) -> None:
    for r in rows:
        unit = found.unit(r)
        table.add_row(
            r.name,
            value_text(r.first, unit),
            value_text(r.second, unit),
            value_text(r.difference, unit, difference=True),
            interval_text(r.low, r.high, unit, difference=True, between=".."),
            _p(r.p_value),
            _p(r.p_holm),
            str(r.n),
            str(r.discordant),
            "" if r.detectable is None else value_text(r.detectable, unit).removeprefix("+"),
            ""
            if r.equivalent_within is None
            else value_text(r.equivalent_within, unit).removeprefix("+"),
        )


def _print_comparison(found: ModelComparison, *, metrics: bool, margin: float | None) -> None:
    table = Table(title=f"A = {found.first}, B = {found.second}")
    table.add_column("", no_wrap=True, min_width=12)
    for name in ("A", "B", "A-B", "95 %", "p", "Holm", "n", "differ", "detect", "within"):
        table.add_column(name, justify="right", no_wrap=True)
    if found.tasks:
        _add(table, found.tasks.rows, found)
    if found.overall:
        _add(table, [found.overall], found)
    if found.metrics and metrics:
        table.add_section()
        _add(table, found.metrics.rows, found)
    if found.bias:
        table.add_section()
        _add(table, found.bias, found)
    show(table)
    line("p: exact McNemar, adjusted t or jackknife; Holm: adjusted over the rows of a block")
    line("differ: items on which they differ; detect: smallest difference found with 80 % power")
    line("within: no difference larger than this is shown at 5 % (two one-sided tests)")
    if margin is not None:
        _print_equal(found, margin)


def _print_equal(found: ModelComparison, margin: float) -> None:
    rows = [*(found.tasks.rows if found.tasks else ()), *([found.overall] if found.overall else ())]
    equal = [r.name for r in rows if r.equivalent(margin / 100)]
    not_shown = [r.name for r in rows if not r.equivalent(margin / 100)]
    line(f"equal within {margin:g} points: {', '.join(equal) or 'none'}")
    line(f"not shown to be: {', '.join(not_shown) or 'none'}")


def _print_ranking(ranking: Ranking) -> None:
    if ranking.unranked:
        line(f"no ranks: {ranking.unranked}")
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
            line(f"cannot be told apart: {', '.join(group)}")
