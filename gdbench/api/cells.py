"""One model on some tasks: the cell of a matrix of models, tasks and budgets."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from gdbench.engines import opened
from gdbench.engines.shards import pair_count
from gdbench.errors import InputError
from gdbench.evaluation import Progress, evaluate
from gdbench.foreign import preserved
from gdbench.models import load_request, refuse_unfit
from gdbench.models.own import own_model
from gdbench.protocol import Item
from gdbench.records import ResultRecord
from gdbench.run import Conditions, ModelRequest, Spread, Where
from gdbench.run_folder import default_folder
from gdbench.scoring import score_stream
from gdbench.tasks import Task, own_names

_PROBE = 8  # items


@dataclass(frozen=True)
class Cell:
    """What is run: a model, its settings, tasks, and where the results go."""

    request: ModelRequest
    where: Where
    spread: Spread
    conditions: Conditions
    tasks: tuple[Task, ...]
    here: Path
    """The working folder, which a model may change."""
    out: Path | None = None
    """Run directory; None: one in `runs`, named after what is run."""
    runs: Path = Path("runs")
    root: Path | None = None
    allow_partial: bool = False
    budget_in_name: bool = False
    """Whether the folder's name tells the budget: then another budget is another run."""

    @property
    def name(self) -> str:
        """The model, and its budget where one was chosen."""
        samples = self.request.settings.samples
        return self.request.model if samples is None else f"{self.request.model}, T={samples}"

    def run(self, progress: Progress | None = None) -> tuple[Path, list[ResultRecord]]:
        """Evaluate; a run that was begun goes on. Raises GdbenchError with one line."""
        with opened(self.request, self.where, self.spread) as engine:
            folder = self.out or self.runs / default_folder(
                engine.subject.card, self.request, self.conditions, self.spread.shard,
                [*self._budget(), *own_names(self.tasks)],
            )  # fmt: skip
            records = evaluate(
                engine, self.tasks, self.here / folder, self.conditions, root=self.root,
                allow_partial=self.allow_partial, request=self.request, shard=self.spread.shard,
                progress=progress,
            )  # fmt: skip
        return folder, records

    def _budget(self) -> list[str]:
        samples = self.request.settings.samples
        return [f"samples={samples}"] if self.budget_in_name and samples is not None else []


def distinct(cells: Iterable[Cell]) -> list[Cell]:
    """The cells, each looked at before any runs. Raises InputError where two are the same."""
    checked: list[Cell] = []
    for cell in cells:
        refuse_unfit(cell.request, cell.where)
        if any(cell.request == other.request for other in checked):
            raise InputError(f"--model {cell.name} is given twice")
        checked.append(cell)
    return checked


def timed(cell: Cell, items: Sequence[Item]) -> float:
    """Seconds that the items will take, from a few of them, evenly taken. Loads the model.

    Raises GdbenchError with one line where the model cannot be had, or fails.
    """
    chosen = list(islice(items, 0, None, max(1, len(items) // _PROBE)))[:_PROBE]
    if not chosen:
        return 0.0
    with preserved():
        model = own_model(load_request(cell.request, cell.where))
        start = time.perf_counter()
        for _ in score_stream(model, chosen, item_timeout=cell.where.item_timeout):
            pass
        took = time.perf_counter() - start
    return took * sum(map(pair_count, items)) / sum(map(pair_count, chosen))
