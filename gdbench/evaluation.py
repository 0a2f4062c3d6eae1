"""The one function that walks the line: items -> model -> score log -> record."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from gdbench.collector import left_alone, no_collection
from gdbench.engines.base import Engine, Subject
from gdbench.engines.local import LocalEngine
from gdbench.engines.shards import PART, ShardOf, ShardPart, share
from gdbench.errors import InputError, SetAsideError
from gdbench.foreign import preserved
from gdbench.metrics.labels import Labels
from gdbench.models.own import own_model
from gdbench.operations import spent
from gdbench.protocol import Item, Known
from gdbench.readable import first_problem
from gdbench.recording import make_record
from gdbench.records import ModelSettings, ResultRecord, TaskInfo
from gdbench.run import Conditions, ModelRequest, RunInfo, RunSpec, validated
from gdbench.run_folder import (
    check_kept,
    claim_task,
    now,
    open_run,
    read_record,
    remove_record,
    write_record,
    write_run_file,
)
from gdbench.run_lock import locked
from gdbench.store import ScoreLog
from gdbench.store.files import sweep
from gdbench.tasks import TASKS, definition_of
from gdbench.tasks.base import Task, check_name, limited, manifest_sha256
from gdbench.tasks.counting import of_items
from gdbench.tasks.definition import define
from gdbench.tasks.manifest import DEFINITION, ITEMS, Pinned

logger = logging.getLogger(__name__)
_MOST_MEASURES = 500  # a record of 1,000 metrics has a megabyte, the most that is read
Progress = Callable[[str, int, int], None]
"""Called with (task, items done, items in all) after every item."""


def evaluate(
    model: object,
    tasks: Sequence[Task],
    out: Path,
    conditions: Conditions | None = None,
    *,
    root: Path | None = None,
    allow_partial: bool = False,
    request: ModelRequest | None = None,
    shard: str | None = None,
    progress: Progress | None = None,
    item_timeout: float | None = None,
    **asked_conditions: Any,
) -> list[ResultRecord]:
    """Evaluate a model on tasks; a run directory that was begun before is continued.

    The same run with a larger limit or, for models that average over nested timesteps, with more
    samples goes on in place: only what is missing is computed.

    Args:
        model: anything with a `card` and a `score` (see `gdbench.protocol`), or an engine that
            has one.
        tasks: tasks that have the suite.
        out: run directory; `out/<task>/record.json` and `scores.parquet` are written to it.
        conditions: which items, and how ties count.
        root: folder with the published data (suites that need it).
        allow_partial: leave out what is missing or broken of a data set; the record says so.
        request: how the model was asked for, kept in `run.json`.
        shard: `i/n`, to score only the i-th of n shares of every task; no record is made, and
            `gdbench.merging.merge` joins the n run directories.
        progress: called after every item.
        item_timeout: seconds in which the model has to give its next answer; None: any time. An
            engine has its own.
        **asked_conditions: fields of `Conditions` by name, instead of `conditions`.

    Returns:
        One record for each task, in the order of the tasks.

    Raises:
        RunMismatchError: `out` belongs to another model, settings or data.
        DataProblemsError: data is missing or broken.
        ModelOutputError: the model failed, took too long, or returned something that is not a
            finite matrix of scores; what was scored before is kept.
        LockedError: another process works in `out`.
        InputError: the model, a task or a condition is none, or they do not go together; a text
            of theirs is one that no record may hold.
        GdbenchError: files of the run were removed while it ran.
        SetAsideError: items failed in every worker that tried; all other tasks are done.
    """
    if conditions is None or asked_conditions:
        base = {} if conditions is None else conditions.model_dump()
        conditions = validated(Conditions, base | asked_conditions)
    engine = model if isinstance(model, Engine) else LocalEngine(own_model(model), item_timeout)
    subject = engine.subject
    _check_compat(subject, conditions)
    info = RunInfo(
        spec=RunSpec(request=request, settings=subject.settings, conditions=conditions),
        model=subject.card,
        content=subject.content,
        shard=None if shard is None else str(ShardOf.parse(shard)),
        created=now(),
    )
    for task in tasks:
        check_name(task.name)
    _check_texts(info, tasks)
    # a model may change the working folder
    out, root = out.absolute(), None if root is None else root.absolute()
    run = Run(engine, info, out, root, allow_partial=allow_partial, progress=progress)
    records, failures = [], []
    with locked(out), preserved():
        sweep(out)
        open_run(out, info)
        for task in tasks:
            try:
                records.append(run.evaluate(task))
            except SetAsideError as failure:
                failures.append(f"{task.name}: {failure}")
        check_kept(out, [record for record in records if record is not None])
    if failures:
        raise SetAsideError("; ".join(failures))
    return [record for record in records if record is not None]


def _check_texts(info: RunInfo, tasks: Sequence[Task]) -> None:
    """Raise InputError for a text that would make the record one that no reader takes."""
    own = {task.name: definition_of(task) for task in tasks}
    for name, said in own.items():
        if said is not None and len(said.measures) > _MOST_MEASURES:
            raise InputError(
                f"task {name} has {len(said.measures):,} measures, and a record holds "
                f"{_MOST_MEASURES}: make fewer sub-tasks or groups"
            )
    texts = {
        "model": info.model.model_dump(),
        "content": info.content.model_dump(),
        "settings": info.spec.settings.model_dump(),
        "task": {task.name: {"version": task.version_of(info.spec.conditions.suite)}
                 for task in tasks},
        "definition": {name: said.model_dump(mode="json") for name, said in own.items() if said},
    }  # fmt: skip
    problem = first_problem(texts)
    if problem:
        raise InputError(f"{problem}; no record may hold that, so change it")


def _check_compat(subject: Subject, conditions: Conditions) -> None:
    """The release's items need the release's timesteps and noise, where a model has any."""
    settings = subject.settings
    if conditions.compat is None or settings.timesteps is None:
        return
    if (settings.schedule, settings.noise) != ("grid", "bank-2023"):
        raise InputError(
            f"compat {conditions.compat}: {subject.card.name} was loaded with "
            f"{settings.schedule} timesteps and {settings.noise} noise; load it with "
            f"compat={conditions.compat!r} too"
        )


class Run:
    """One model in one run directory."""

    def __init__(
        self,
        engine: Engine,
        info: RunInfo,
        out: Path,
        root: Path | None = None,
        *,
        allow_partial: bool = False,
        progress: Progress | None = None,
    ) -> None:
        self.engine, self.info, self.out, self.root = engine, info, out, root
        self.allow_partial = allow_partial
        self._progress = progress

    @property
    def settings(self) -> ModelSettings:
        """Those of the model."""
        return self.info.spec.settings

    @property
    def conditions(self) -> Conditions:
        """Those of the run."""
        return self.info.spec.conditions

    def evaluate(self, task: Task) -> ResultRecord | None:
        """The record of a task, from the log where it is whole, after scoring what is missing.

        None for a shard of a run, which leaves a part of the log.
        """
        asked = self.conditions
        with no_collection():
            everything = list(
                task.items(asked.suite, self.root, asked.compat, allow_partial=self.allow_partial)
            )
            items = list(limited(everything, asked.limit, asked.item_seed))
        if not items:
            raise InputError(f"task {task.name} has no items in suite {asked.suite!r}")
        with no_collection():
            manifest = manifest_sha256(items)
        info = TaskInfo(
            name=task.name,
            version=task.version_of(asked.suite),
            suite=asked.suite,
            manifest_sha256=manifest,
            n_items=len(items),
            n_expected=task.n_expected(asked.suite, asked.compat),
            limit=asked.limit,
            item_seed=asked.item_seed,
            compat=asked.compat,
        )
        folder = self.out / task.name
        claim_task(folder, info, everything)
        if task.name not in TASKS:
            # nobody has it but this run
            Pinned.of(items).save(folder / ITEMS)
            write_run_file(folder / DEFINITION, define(task))
        if self.info.shard is not None:
            self._evaluate_share(task, share(items, ShardOf.parse(self.info.shard)), folder)
            return None
        log = self._log(folder)
        record = read_record(folder)
        if (
            log.compacted
            and record is not None
            and (record.task, record.settings) == (info, self.settings)
            and record.definition == definition_of(task)
        ):
            logger.info("%s: all %d items were done", task.name, len(items))
            self._tell(task, len(items), len(items))
            return record
        # a run that goes on is unfinished until its new record stands
        remove_record(folder)
        with left_alone():
            self._score(task, items, log)
        operations = spent(self.engine.prices(), items, log, self.engine.pass_of())
        labels = Labels(items)
        # of many items what they show and say takes most of the memory
        del items, everything
        record = make_record(self.engine.place(), self.info, task, info, labels, log, operations)
        write_record(folder, record)
        return record

    def _log(self, folder: Path) -> ScoreLog:
        """The log of a task, usable after whatever happened to it."""
        log = ScoreLog(folder, clocks=self.engine.clocks)
        log.recover()
        return log

    def _evaluate_share(self, task: Task, items: Sequence[Item], folder: Path) -> None:
        (folder / PART).unlink(missing_ok=True)
        # of few items some shares are empty
        if items:
            self._score(task, items, self._log(folder))
        part = ShardPart(
            shard=str(self.info.shard), place=self.engine.place(), prices=self.engine.prices()
        )
        write_run_file(folder / PART, part)

    def _score(self, task: Task, items: Sequence[Item], log: ScoreLog) -> None:
        """Score what is missing in the log of a task, and compact it."""
        ids = pa.array([item.id for item in items], pa.string())
        lengths = log.index(ids)
        steps = self.settings.timesteps
        whole = 0 if steps is None or self.settings.stops_early else len(steps)
        n_done = int((lengths >= whole).sum())
        n_shorter = int((lengths >= 0).sum()) - n_done
        if n_done or n_shorter:
            _tell_resumed(task, n_done, n_shorter, len(items), whole)

        def waiting() -> Iterator[Known]:
            if whole:
                yield from self._known(log, items, lengths, whole)
            yield from ((item, None) for item in compress(items, (lengths < 0).tolist()))

        self._tell(task, n_done, len(items))
        passes = 0
        if steps is not None:
            # of the whole task: one that goes on is run as it was begun
            normalise = self.settings.normalise is not False
            passes = of_items(items).passes(len(steps), normalise=normalise)
        self.engine.begin(passes)
        try:
            for scores in self.engine.score(waiting(), rescue=log.flush):
                log.append(scores)
                n_done += 1
                self._tell(task, n_done, len(items))
        finally:
            # whatever happened: nothing that was scored is lost
            log.flush()
        log.compact(ids)

    def _known(
        self, log: ScoreLog, items: Sequence[Item], lengths: NDArray[np.int64], whole: int
    ) -> Iterator[Known]:
        """Logged items that lack timesteps, and those with pictures whose errors others can use.

        `lengths` says how many timesteps of each item are known (-1: not logged), `whole` how many
        there are.
        """
        shorter = np.flatnonzero((lengths >= 0) & (lengths < whole)).tolist()
        short = {items[k].id: items[k] for k in shorter}
        if not self.engine.extends:
            yield from ((short[name], None) for name in sorted(short))
            return
        missing = np.flatnonzero(lengths < whole).tolist()
        # a run that stops early has no timesteps to go on from
        if not whole or not missing or (lengths < 0).all():
            return
        wanted = {image.sha256 for k in missing for image in items[k].images}
        by_id = {item.id: item for item in items}
        for scores in log.read():
            item = by_id[scores.item_id]
            shares = scores.unconditional_errors is not None and any(
                image.sha256 in wanted for image in item.images
            )
            if scores.item_id in short or shares:
                yield item, scores

    def _tell(self, task: Task, done: int, total: int) -> None:
        if self._progress is not None:
            self._progress(task.name, done, total)


def _tell_resumed(task: Task, done: int, shorter: int, total: int, whole: int) -> None:
    more = f", {shorter} more at fewer than {whole} timesteps" if shorter else ""
    logger.info("%s: resumed: %d of %d items were done%s", task.name, done, total, more)
