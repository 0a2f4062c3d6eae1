"""`gdbench merge`: the shards of a run joined to what one process would have written."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gdbench.engines.base import Place, largest
from gdbench.engines.shards import PART, ShardOf, ShardPart, share
from gdbench.errors import InputError, RunMismatchError
from gdbench.metrics.labels import Labels
from gdbench.operations import spent
from gdbench.protocol import Item, Label
from gdbench.recording import make_record
from gdbench.records import Operations, Prices, ResultRecord, TaskDefinition, TaskInfo
from gdbench.run import Conditions, RunInfo
from gdbench.run_folder import (
    claim_task,
    now,
    open_run,
    read_run_file,
    write_record,
    write_run_file,
)
from gdbench.store import Clocks, ScoreLog
from gdbench.tasks import TASKS
from gdbench.tasks.base import Task, limited, manifest_sha256
from gdbench.tasks.definition import task_of
from gdbench.tasks.manifest import DEFINITION, ITEMS, Pinned

_AGAIN = "evaluate this shard anew, into another folder"


@dataclass(frozen=True)
class _Share:
    folder: Path
    info: RunInfo
    shard: ShardOf


def merge(
    runs: Sequence[Path],
    out: Path,
    *,
    root: Path | None = None,
    allow_partial: bool = False,
) -> list[ResultRecord]:
    """Write the run that the shards are the shares of.

    Args:
        runs: run directories of all shards, in any order.
        out: the run directory to write; it appears when it is whole.
        root: folder with the published data (suites that need it).
        allow_partial: as the shards were evaluated.

    Returns:
        One record for each task: as of one process, with the cost of all of them.

    Raises:
        InputError: shards are missing, doubled or not finished, or `out` is there.
        RunMismatchError: the shards are not of one run, or the items here are not theirs.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out} is there already; choose another --out")
    shares = _shares(runs)
    tasks = _tasks(shares)
    building = out.with_name(f".{out.name}.{os.getpid()}.merging")
    try:
        # a task's folder in a shard, and its items, are looked at before anything is written
        info = shares[0].info.model_copy(update={"shard": None, "created": now()})
        open_run(building, info)
        records = [
            _merge_task(
                _task(shares[0].folder / name, task),
                task,
                shares,
                building,
                root,
                allow_partial=allow_partial,
            )
            for name, task in tasks.items()
        ]
        if out.exists():
            out.rmdir()
        building.replace(out)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return records


def _shares(runs: Sequence[Path]) -> list[_Share]:
    """The shards in order, all of one run and each there once."""
    shares: dict[int, _Share] = {}
    for folder in runs:
        info = read_run_file(folder / "run.json", RunInfo, _AGAIN)
        if info is None:
            raise InputError(f"{folder}: no run.json; give the --out of `gdbench evaluate --shard`")
        if info.shard is None:
            raise InputError(f"{folder} is a whole run, no shard of one")
        try:
            share_of = _Share(folder, info, ShardOf.parse(info.shard))
        except InputError as error:
            raise RunMismatchError(
                f"{folder / 'run.json'} is damaged ({error}); {_AGAIN}"
            ) from None
        twin = shares.setdefault(share_of.shard.index, share_of)
        if twin is not share_of:
            raise InputError(f"{twin.folder} and {folder} are both shard {twin.shard}")
        _refuse_other(next(iter(shares.values())), share_of)
    if not shares:
        raise InputError("no shard is given")
    ordered = [shares[index] for index in sorted(shares)]
    count = ordered[0].shard.count
    missing = [str(ShardOf(i, count)) for i in range(1, count + 1) if i not in shares]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise InputError(f"shard {missing[0]}{more} is missing: give the run directories of all")
    return ordered


def _refuse_other(first: _Share, other: _Share) -> None:
    """Raise RunMismatchError where two shards are not of one run."""
    a, b = first.info, other.info
    for what, of_first, of_other in (
        ("number of shards", first.shard.count, other.shard.count),
        ("content", a.content.sha256, b.content.sha256),
        ("model", a.model, b.model),
        ("settings", a.spec.settings, b.spec.settings),
        ("conditions", a.spec.conditions, b.spec.conditions),
    ):
        if of_first != of_other:
            raise RunMismatchError(
                f"{first.folder} and {other.folder} are not of one run: they differ in {what}"
            )


def _tasks(shares: Sequence[_Share]) -> dict[str, TaskInfo]:
    """The tasks of the run, each finished in every shard and about the same items."""
    tasks: dict[str, TaskInfo] = {}
    names = sorted({path.parent.name for s in shares for path in s.folder.glob("*/task.json")})
    for name in names:
        for piece in shares:
            folder = piece.folder / name
            info = read_run_file(folder / "task.json", TaskInfo, _AGAIN)
            if info is None or not (folder / PART).is_file():
                raise InputError(
                    f"{folder}: shard {piece.shard} of {name} is not finished; start it again"
                )
            if tasks.setdefault(name, info) != info:
                raise RunMismatchError(
                    f"{folder} has other items than {shares[0].folder / name}: no one run"
                )
    if not tasks:
        raise InputError(f"{shares[0].folder}: no task was begun")
    return tasks


def _merge_task(
    task: Task,
    info: TaskInfo,
    shares: Sequence[_Share],
    out: Path,
    root: Path | None,
    *,
    allow_partial: bool,
) -> ResultRecord:
    folder = out / task.name
    labels: Sequence[Item] | Sequence[Label]
    if task.name in TASKS:
        conditions = shares[0].info.spec.conditions
        everything = list(
            task.items(conditions.suite, root, conditions.compat, allow_partial=allow_partial)
        )
        labels = _items(everything, task, info, conditions)
        claim_task(folder, info, everything)
    else:
        labels = _own_labels(shares[0].folder / task.name, info, folder)
    spent = _Spent()
    log = ScoreLog(folder, clocks=spent.clocks)
    places, prices = [], []
    for piece in shares:
        part = read_run_file(piece.folder / task.name / PART, ShardPart, _AGAIN)
        if part is None or part.shard != str(piece.shard):
            raise RunMismatchError(f"{piece.folder / task.name / PART} is of another shard")
        expected = {label.id for label in share(labels, piece.shard)}
        if expected:
            _copy(piece.folder / task.name, expected, log, spent)
            places.append(part.place)
            prices.append(part.prices)
    log.compact([label.id for label in labels])
    whole = shares[0].info.model_copy(update={"shard": None})
    record = make_record(
        _joined(places), whole, task, info, Labels(labels), log, _operations(prices, labels, log)
    )
    write_record(folder, record)
    return record


def _task(folder: Path, info: TaskInfo) -> Task:
    """The task of a shard's folder: a known one, or one that the shard brings."""
    if info.name in TASKS:
        return TASKS.get(info.name)
    definition = read_run_file(folder / DEFINITION, TaskDefinition, _AGAIN)
    if definition is None:
        raise InputError(f"{folder}: there is no task {info.name!r}, and no {DEFINITION} says it")
    return task_of(definition, info)


def _own_labels(shard: Path, info: TaskInfo, folder: Path) -> list[Label]:
    """The labels of a task that the shards alone know; they are kept for the whole run."""
    pinned = Pinned.parse((shard / ITEMS).read_bytes(), shard / ITEMS)
    if pinned.sha256(pinned.labels) != info.manifest_sha256:
        raise RunMismatchError(f"{shard / ITEMS}: its items are not those of {info.name}")
    write_run_file(folder / "task.json", info)
    pinned.save(folder / ITEMS)
    return list(pinned.labels.values())


def _items(
    everything: list[Item], task: Task, info: TaskInfo, conditions: Conditions
) -> list[Item]:
    """The items that the shards were dealt from."""
    items = list(limited(everything, conditions.limit, conditions.item_seed))
    if manifest_sha256(items) != info.manifest_sha256:
        raise RunMismatchError(f"the items of {task.name} here are not those of the shards")
    return items


class _Spent:
    """What the shards that were copied so far have spent together."""

    def __init__(self) -> None:
        self._logs: list[ScoreLog] = []

    def add(self, log: ScoreLog) -> None:
        self._logs.append(log)

    def clocks(self) -> Clocks:
        device = [log.device_seconds() for log in self._logs]
        evaluations = [log.evaluations() for log in self._logs]
        return Clocks(
            None if None in device else sum(s for s in device if s is not None),
            None if None in evaluations else sum(n for n in evaluations if n is not None),
            sum(log.wall_seconds() for log in self._logs),
        )


def _copy(folder: Path, expected: set[str], log: ScoreLog, spent: _Spent) -> None:
    """Append a shard's scores, which must be those of its items."""
    source = ScoreLog(folder)
    if source.done() != expected:
        raise RunMismatchError(f"{folder} does not hold the scores of its share of the items")
    spent.add(source)
    for scores in source.read():
        log.append(scores)
    log.flush()


def _operations(
    prices: Sequence[Prices | None], asked: Sequence[Item] | Sequence[Label], log: ScoreLog
) -> Operations | str:
    """Of all shards together: what two of them encoded counts once."""
    first = prices[0]
    if first is None or any(other != first for other in prices):
        return "the shards do not agree on what the model's networks take"
    items = [one for one in asked if isinstance(one, Item)]
    if len(items) < len(asked):
        return "shards of own data do not say which of their pictures are the same"
    return spent(first, items, log)


def _joined(places: Sequence[Place]) -> Place:
    """The places of all workers as one."""
    devices = [name for p in places for name in (p.devices or (p.device_name or p.device,))]
    return places[0].model_copy(
        update={
            "devices": tuple(sorted(devices)),
            "peak_memory_bytes": largest(p.peak_memory_bytes for p in places),
            "peak_device_memory_bytes": largest(p.peak_device_memory_bytes for p in places),
        }
    )
