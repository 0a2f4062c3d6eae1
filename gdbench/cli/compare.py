"""`gdbench compare`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gdbench.cli import options as o
from gdbench.cli.score import TiesOption, parse_ties
from gdbench.errors import InputError

if TYPE_CHECKING:
    from gdbench.metrics.paired import PairedDifference
    from gdbench.submissions.comparison import ModelComparison, Ranking

_WIDTH = 110
_FEWEST_DIGITS = 0.0001
_TWO_DECIMALS = 0.1  # from here on two decimals tell enough of a p-value


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("compare")(run)


def run(
    folders: Annotated[
        list[Path], typer.Argument(metavar="A B …", help="Runs, or submissions/<model>/<revision>.")
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
    console = Console()
    if console.width < _WIDTH:
        console = Console(width=_WIDTH)  # a number cut short is worse than a long line
    for comparison in found:
        _print_comparison(console, comparison, metrics=metrics, margin=margin)
    if ranking is not None:
        _print_ranking(console, ranking)


def _p(value: float | None) -> str:
    if value is None:
        return ""
    if value < _FEWEST_DIGITS:
        return f"<{_FEWEST_DIGITS}"
    return f"{value:.2g}" if value < _TWO_DECIMALS else f"{value:.2f}"


def _add(table: Table, rows: Sequence[PairedDifference], scale: float) -> None:
    digits = 1 if scale > 1 else 2
    for r in rows:
        interval = ""
        if r.low is not None and r.high is not None:
            interval = f"{scale * r.low:+.{digits}f}..{scale * r.high:+.{digits}f}"
        table.add_row(
            r.name,
            f"{scale * r.first:.{digits}f}",
            f"{scale * r.second:.{digits}f}",
            f"{scale * r.difference:+.{digits}f}",
            interval,
            _p(r.p_value),
            _p(r.p_holm),
            str(r.n),
            str(r.discordant),
            "" if r.detectable is None else f"{scale * r.detectable:.{digits}f}",
            "" if r.equivalent_within is None else f"{scale * r.equivalent_within:.{digits}f}",
        )


def _print_comparison(
    console: Console, found: ModelComparison, *, metrics: bool, margin: float | None
) -> None:
    table = Table(
        box=None,
        pad_edge=False,
        header_style="bold",
        title=f"A = {escape(found.first)}, B = {escape(found.second)}",
        title_justify="left",
    )
    table.add_column("", no_wrap=True, min_width=12)
    for name in ("A", "B", "A-B", "95 %", "p", "Holm", "n", "differ", "detect", "within"):
        table.add_column(name, justify="right", no_wrap=True)
    if found.tasks:
        _add(table, found.tasks.rows, 100)
    if found.overall:
        _add(table, [found.overall], 100)
    if found.metrics and metrics:
        table.add_section()
        _add(table, found.metrics.rows, 100)
    if found.bias:
        table.add_section()
        _add(table, found.bias, 1)
    console.print(table)
    Console().print(  # sentences may be folded
        "p: exact McNemar, adjusted t or jackknife; Holm: adjusted over the rows of a block; "
        "differ: items on which they differ; detect: smallest difference found with 80 % power; "
        "within: no difference larger than this is shown at 5 % (two one-sided tests)"
    )
    if margin is not None:
        _print_equal(console, found, margin)


def _print_equal(console: Console, found: ModelComparison, margin: float) -> None:
    rows = [*(found.tasks.rows if found.tasks else ()), *([found.overall] if found.overall else ())]
    equal = [r.name for r in rows if r.equivalent(margin / 100)]
    open_ = [r.name for r in rows if not r.equivalent(margin / 100)]
    console.print(f"equal within {margin:g} points: {', '.join(equal) or 'none'}", markup=False)
    console.print(f"not shown to be: {', '.join(open_) or 'none'}", markup=False)


def _print_ranking(console: Console, ranking: Ranking) -> None:
    if ranking.unranked:
        console.print(f"no ranks: {ranking.unranked}", markup=False)
        return
    table = Table(
        box=None,
        pad_edge=False,
        header_style="bold",
        title=f"Mean of {', '.join(ranking.tasks)}",
        title_justify="left",
    )
    for name in ("rank", "model", "score"):
        table.add_column(name)
    for r in ranking.ranks.values():
        span = str(r.best) if r.best == r.worst else f"{r.best}-{r.worst}"
        table.add_row(span, escape(r.model), f"{100 * r.value:.1f}")
    console.print(table)
    for group in ranking.groups:
        if len(group) > 1:
            console.print(f"cannot be told apart: {', '.join(group)}", markup=False)
