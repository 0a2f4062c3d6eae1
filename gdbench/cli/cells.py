"""Running one or more models, and what is printed of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from gdbench.cli import options as o
from gdbench.cli.summary import print_run, print_table
from gdbench.errors import DataProblemsError, GdbenchError, InputError
from gdbench.numbers import count, seconds
from gdbench.progress import waiting
from gdbench.records import ResultRecord
from gdbench.terminal import Table, error, kept_for_the_answer, line, note, show

if TYPE_CHECKING:
    from gdbench.api.cells import Cell
    from gdbench.cli.dry_run import Size

_FAILED = 2


def run_cells(cells: Sequence[Cell], *, metrics: bool, as_json: bool) -> None:
    """Run all cells; of several one that fails stops no other, and the exit code is 2."""
    if len(cells) == 1:
        folder, records = _run(cells[0])
        _print_one(cells[0], folder, records, metrics=metrics, as_json=as_json)
        return
    done: list[tuple[Path, list[ResultRecord]]] = []
    failed = 0
    for number, cell in enumerate(cells, 1):
        note(f"{number} of {len(cells)}: {cell.name}")
        try:
            done.append(_run(cell))
        except DataProblemsError:
            raise
        except GdbenchError as failure:
            failed += 1
            error(f"gdbench: {cell.name}: {failure}")
    if as_json:
        _print_json([record for _, records in done for record in records])
    elif done and cells[0].spread.shard is None:
        _print_several(done, metrics=metrics)
    if failed:
        note(f"{failed} of {len(cells)} failed; the same command goes on with them")
        raise typer.Exit(_FAILED)


def _run(cell: Cell) -> tuple[Path, list[ResultRecord]]:
    with kept_for_the_answer(), o.item_progress() as progress:
        return cell.run(progress)


def _print_json(records: Sequence[ResultRecord]) -> None:
    typer.echo(json.dumps([r.model_dump(mode="json") for r in records], indent=2))


def _print_one(
    cell: Cell, folder: Path, records: Sequence[ResultRecord], *, metrics: bool, as_json: bool
) -> None:
    if as_json:
        _print_json(records)
    elif cell.spread.shard is not None:
        note(f"Shard {cell.spread.shard}: {folder}; join all shards with gdbench merge")
    else:
        print_run(records, folder, metrics=metrics)


def _print_several(done: Sequence[tuple[Path, list[ResultRecord]]], *, metrics: bool) -> None:
    """A row for each run and a column for each task."""
    from gdbench.api.results import Results
    from gdbench.api.runs import Runs

    results = tuple(Results(folder, tuple(records)) for folder, records in done)
    for result in results if metrics else ():
        note(str(result.folder))
        print_table(result.table(metrics=True))
    print_table(Runs(results, (), ()).wide_table(paper=True))
    for result in results:
        note(f"Records and scores: {result.folder}")
    note(f"next: gdbench compare {' '.join(str(r.folder) for r in results)}")


def estimate_cells(cells: Sequence[Cell], *, rate: float | None = None, as_json: bool) -> None:
    """Print what the cells would take; of several also their sum.

    Network passes are counted; time is measured on a few, or follows from `rate`, passes a second.
    """
    from gdbench.cli.dry_run import dry_run
    from gdbench.engines import processes_of

    processes = {processes_of(cell.where, cell.spread) for cell in cells}
    if len(cells) == 1:
        dry_run(
            cells[0].request, cells[0].where, _sizes(cells[0]), rate=rate,
            processes=processes.pop(), as_json=as_json,
        )  # fmt: skip
        return
    costs = [_cost(cell, rate) for cell in cells]
    known = [cost.seconds for cost in costs if cost.seconds is not None]
    total, passes = sum(known), sum(cost.passes or 0 for cost in costs)
    if as_json:
        whole = {"runs": [asdict(c) for c in costs], "passes": passes, "seconds": total}
        typer.echo(json.dumps(whole, indent=2))
        return
    table = Table("run")
    for name in ("items", "pairs", "passes", "time"):
        table.add_column(name, justify="right")
    for cost in costs:
        steps = "" if cost.passes is None else count(cost.passes)
        took = "" if cost.seconds is None else seconds(cost.seconds)
        table.add_row(cost.name, f"{cost.items:,}", count(cost.pairs), steps, took)
    table.add_row("all", "", "", count(passes), seconds(total) if known else "")
    show(table)
    if known and processes != {1}:
        line("time: of one process; how the work is spread is left out here")
    if len(known) < len(costs):
        line(f"time: of {len(known)} of {len(costs)} runs; the weights of the others are not here")


@dataclass(frozen=True)
class _Cost:
    name: str
    items: int
    pairs: int
    passes: int | None
    seconds: float | None


def _sizes(cell: Cell) -> Sequence[Size]:
    from gdbench.cli.dry_run import sizes_of

    return sizes_of(cell.tasks, cell.conditions, cell.root, allow_partial=cell.allow_partial)


def _cost(cell: Cell, rate: float | None) -> _Cost:
    from gdbench.api.cells import timed
    from gdbench.cli.dry_run import forecast_of, is_diffusion
    from gdbench.tasks.counting import Counted

    sizes = _sizes(cell)
    if is_diffusion(cell.request):
        forecast = forecast_of(cell.request, cell.where, sizes, rate=rate)
        total = forecast.total
        return _Cost(cell.name, total.items, total.pairs, forecast.passes(total), forecast.seconds)
    total = sum((size.counted for size in sizes), Counted())
    items = [item for size in sizes for item in size.items or ()]
    took = None
    if all(size.items is not None for size in sizes):
        try:
            with kept_for_the_answer(), waiting(f"measuring {cell.name}"):
                took = timed(cell, items)
        except InputError as failure:
            # weights that are not here: the rest is known
            note(f"{cell.name}: {failure}")
    return _Cost(cell.name, total.items, total.pairs, None, took)
