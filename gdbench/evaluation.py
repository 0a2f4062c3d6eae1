"""The one function that walks the line: items -> model -> score log -> metrics -> record."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import numpy as np
from pydantic import ValidationError

from gdbench.environment import device_name, environment, peak_memory_bytes
from gdbench.errors import GdbenchError, InputError, ModelOutputError, RunMismatchError
from gdbench.metrics.summary import score_interval, summarise, task_score
from gdbench.models.custom import describe_fault
from gdbench.protocol import BatchedITMModel, Item, ITMModel, ModelCard, Scores
from gdbench.records import (
    Compat,
    Cost,
    ModelSettings,
    ResultRecord,
    RunInfo,
    Strict,
    TaskInfo,
)
from gdbench.signature import signature
from gdbench.store import ScoreLog, check_scores, hash_scores, write_atomically
from gdbench.tasks.base import Task, limited, manifest_sha256

StrictT = TypeVar("StrictT", bound=Strict)
Progress = Callable[[str, int, int], None]
"""Called with (task, items done, items in all) after every item."""


def settings_of(model: ITMModel) -> ModelSettings:
    """The model's settings; a model without any has the defaults."""
    found = getattr(model, "settings", None)
    return found if isinstance(found, ModelSettings) else ModelSettings()


def card_of(model: object) -> ModelCard:
    """The model's card. Raises InputError where the object is not an ITMModel."""
    card = getattr(model, "card", None)
    if not isinstance(card, ModelCard) or not isinstance(model, ITMModel):
        name = type(model).__name__
        raise InputError(
            f"{name} is not a model: it needs `card: ModelCard` and `score(images, texts)`"
        )
    return card


def score_stream(model: ITMModel, items: Iterable[Item]) -> Iterator[tuple[Item, Scores]]:
    """Checked scores for every item, in order; memory does not grow with the number of items.

    Raises ModelOutputError on a wrong shape, NaN or infinity, a missing or an unknown item, or a
    fault inside the model.
    """
    try:
        yield from _raw_stream(model, items)
    except (GdbenchError, MemoryError):
        raise
    except Exception as error:  # a model is a stranger's code and can raise anything
        name = getattr(model.card, "name", type(model).__name__)
        raise ModelOutputError(f"model {name} raised {describe_fault(error)}") from error


def _raw_stream(model: ITMModel, items: Iterable[Item]) -> Iterator[tuple[Item, Scores]]:
    if not isinstance(model, BatchedITMModel):
        for item in items:
            matrix = model.score([image.open() for image in item.images], list(item.texts))
            yield item, check_scores(item, Scores(item.id, matrix))
        return
    waiting: dict[str, Item] = {}

    def remembered() -> Iterator[Item]:
        for item in items:
            waiting[item.id] = item
            yield item

    for scores in model.score_items(remembered()):
        if scores.item_id not in waiting:
            raise ModelOutputError(
                f"the model scored {scores.item_id!r}, which was not asked (now)"
            )
        item = waiting.pop(scores.item_id)
        yield item, check_scores(item, scores)
    if waiting:
        raise ModelOutputError(
            f"the model left out {len(waiting)} items, the first is {next(iter(waiting))}"
        )


def open_run(out: Path, info: RunInfo) -> None:
    """Claim a run directory. Raises RunMismatchError where it belongs to another run."""
    path = out / "run.json"
    if not path.exists() and out.is_dir() and any(out.iterdir()):
        raise RunMismatchError(f"{out} is not empty and has no run.json: choose another --out")
    _claim(path, info)


def _first_difference(name: str, new: object, old: object) -> tuple[str, str, str]:
    if isinstance(new, dict) and isinstance(old, dict):
        for key in new:
            if new[key] != old.get(key):
                return _first_difference(f"{name}.{key}", new[key], old.get(key))
    return name, json.dumps(new)[:80], json.dumps(old)[:80]


def evaluate(
    model: ITMModel,
    tasks: Sequence[Task],
    out: Path,
    *,
    suite: str = "full",
    root: Path | None = None,
    limit: int | None = None,
    compat: Compat | None = None,
    allow_partial: bool = False,
    progress: Progress | None = None,
) -> list[ResultRecord]:
    """Evaluate a model on tasks; a run directory that was begun before is continued.

    Args:
        model: anything with a `card` and a `score` (see `gdbench.protocol`).
        tasks: tasks that have the suite.
        out: run directory; `out/<task>/record.json` and `scores.parquet` are written to it.
        suite: "full", "mini", or a variant.
        root: folder with the published data (suites that need it).
        limit: at most so many items of each sub-task, chosen by a seeded hash of the item's id.
        compat: select the items and the tie rule of the 2023 release.
        allow_partial: evaluate what is there of a data set; the record says so.
        progress: called after every item.

    Returns:
        One record for each task, in the order of the tasks.

    Raises:
        RunMismatchError: `out` belongs to another model, settings or data.
        DataProblemsError: data is missing or broken.
        ModelOutputError: the model returned something that is not a finite matrix of scores.
    """
    info = RunInfo(
        model=card_of(model),
        settings=settings_of(model),
        suite=suite,
        limit=limit,
        compat=compat,
        created=_now(),
    )
    open_run(out, info)
    records = []
    for task in tasks:
        source = task.items(suite, root, compat, allow_partial=allow_partial)
        items = list(limited(source, limit, info.settings.seed))
        records.append(_evaluate_task(model, info, task, items, out / task.name, progress))
    return records


def _evaluate_task(
    model: ITMModel,
    info: RunInfo,
    task: Task,
    items: list[Item],
    folder: Path,
    progress: Progress | None,
) -> ResultRecord:
    if not items:
        raise InputError(f"task {task.name} has no items in suite {info.suite!r}")
    task_info = TaskInfo(
        name=task.name,
        version=task.version,
        suite=info.suite,
        manifest_sha256=manifest_sha256(items),
        n_items=len(items),
        n_expected=task.n_expected(info.suite, info.compat),
        limit=info.limit,
        compat=info.compat,
    )
    _claim(folder / "task.json", task_info)
    finished = _read(folder / "record.json", ResultRecord)
    if finished is not None:
        if progress is not None:
            progress(task.name, len(items), len(items))
        return finished
    log = ScoreLog(folder, device_clock=lambda: getattr(model, "device_seconds", None))
    done = log.done()
    strangers = done - {item.id for item in items}
    if strangers:
        raise RunMismatchError(
            f"{folder} has scores of items that are not in the task: {min(strangers)}"
        )
    n_done = len(done)
    if progress is not None:
        progress(task.name, n_done, len(items))
    try:
        for _, scores in score_stream(model, (i for i in items if i.id not in done)):
            log.append(scores)
            n_done += 1
            if progress is not None:
                progress(task.name, n_done, len(items))
    finally:  # whatever happened: nothing that was scored is lost
        log.flush()
    log.compact([item.id for item in items])
    record = make_record(model, info, task, task_info, items, log)
    write_atomically(folder / "record.json", record.model_dump_json(indent=2).encode() + b"\n")
    return record


def make_record(
    model: ITMModel,
    info: RunInfo,
    task: Task,
    task_info: TaskInfo,
    items: Sequence[Item],
    log: ScoreLog,
) -> ResultRecord:
    """The record of a finished score log."""
    settings = info.settings
    device = str(getattr(model, "device", "cpu"))
    matrices = []
    truncated = evaluations = 0
    unconditional: dict[str, int] = {}
    for item, scores in zip(items, log.read(), strict=True):
        matrices.append(scores.matrix)
        truncated += scores.truncated_texts
        if scores.errors is not None:
            evaluations += int(np.count_nonzero(~np.isnan(scores.errors)))
        if scores.unconditional_errors is not None:
            for image, errors in zip(item.images, scores.unconditional_errors, strict=True):
                n = int(np.count_nonzero(~np.isnan(errors)))
                unconditional[image.sha256] = max(n, unconditional.get(image.sha256, 0))
    metrics = summarise(
        task.measures,
        [item.label for item in items],
        matrices,
        ties="expected" if info.compat is None else "release-2023",
        seed=settings.seed,
        errors=(lambda: list(log.read())) if settings.timesteps is not None else None,
        settings=settings,
        compat=info.compat,
    )
    interval = score_interval(
        task.measures,
        task.primary,
        [item.label for item in items],
        matrices,
        ties="expected" if info.compat is None else "release-2023",
    )
    return ResultRecord(
        task=task_info,
        model=info.model,
        settings=settings,
        metrics=metrics,
        score=task_score(task.primary, metrics),
        score_low=interval.low if interval else None,
        score_high=interval.high if interval else None,
        truncated_texts=truncated,
        cost=Cost(
            unet_evaluations=evaluations + sum(unconditional.values())
            if settings.timesteps
            else None,
            wall_seconds=log.wall_seconds(),
            device_seconds=log.device_seconds(),
            peak_memory_bytes=peak_memory_bytes(),
            device=device,
            device_name=device_name(device),
        ),
        environment=environment(),
        signature=signature(task_info, info.model, settings),
        scores_sha256=hash_scores(log.read()),
        created=_now(),
    )


def _read(path: Path, kind: type[StrictT]) -> StrictT | None:
    """A record on disk, None where there is none. Raises RunMismatchError where it is damaged."""
    if not path.exists():
        return None
    try:
        return kind.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise RunMismatchError(
            f"{path} cannot be read: {error.error_count()} fields are wrong"
        ) from error


def _claim(path: Path, mine: Strict) -> None:
    """Write what a folder holds, or see that it holds the same. Raises RunMismatchError if not."""
    old = _read(path, type(mine))
    if old is None:
        write_atomically(path, mine.model_dump_json(indent=2).encode() + b"\n")
        return
    new, was = mine.model_dump(mode="json"), old.model_dump(mode="json")
    for key in new:
        if key != "created" and new[key] != was[key]:
            field, now, then = _first_difference(key, new[key], was[key])
            raise RunMismatchError(
                f"{path.parent} holds another run: {field} is {then} there and {now} now; "
                "choose another --out"
            )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
