"""The hub's `.eval_results/*.yaml`: scores that stand on a model's page and a benchmark's board.

The format is that of `huggingface_hub.EvalResultEntry` (hub documentation, "Evaluation Results").
"""

from __future__ import annotations

from collections.abc import Sequence

import yaml
from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml

from gdbench.errors import InputError
from gdbench.interchange.addresses import check_address
from gdbench.interchange.finished_run import FinishedTask
from gdbench.models.hub import HUB_ID


def entries(
    tasks: Sequence[FinishedTask], dataset: str | None, source_url: str | None
) -> list[EvalResultEntry]:
    """One entry for each task that has a score, in points out of 100.

    Args:
        tasks: of one run.
        dataset: hub id of the benchmark data set; None: the one that the task is published as.
        source_url: where the records are, shown beside the number.

    Raises:
        InputError: A task has no score, it is not known which data set it is, or the address is
            none of the web.
    """
    if source_url is not None:
        check_address("--source-url", source_url)
    made = []
    for task in tasks:
        record = task.record
        if record.score is None:
            continue
        repo, revision = _dataset(task, dataset)
        made.append(
            EvalResultEntry(
                dataset_id=repo,
                task_id=record.task.name,
                value=round(100 * record.score, 2),
                dataset_revision=revision,
                date=record.created,
                source_url=source_url,
                source_name="gdbench" if source_url else None,
                notes=_notes(task),
            )
        )
    if not made:
        raise InputError("no task of this run has a score; bias is reported beside the scores")
    return made


def text(made: Sequence[EvalResultEntry]) -> str:
    """The file's text."""
    return yaml.safe_dump(eval_result_entries_to_yaml(list(made)), sort_keys=False)


def _dataset(task: FinishedTask, dataset: str | None) -> tuple[str, str | None]:
    if dataset is not None:
        if HUB_ID.fullmatch(dataset) is None:
            raise InputError(f"--dataset {dataset!r}: expected OWNER/NAME")
        return dataset, None
    info, published = task.record.task, task.task.published
    sets = published.hub if published is not None and published.hub_role == "enough" else ()
    if info.suite != "full" or len(sets) != 1:
        raise InputError(
            f"{info.name} ({info.suite}) is not a data set of the hub by itself: "
            "give --dataset OWNER/NAME"
        )
    return sets[0].id, sets[0].revision


def _notes(task: FinishedTask) -> str:
    """What a reader of the number has to know, in one line."""
    record = task.record
    parts = [f"gdbench {record.environment.gdbench}", f"suite {record.task.suite}"]
    if record.partial:
        parts.append(f"{record.task.n_items} of {record.task.n_expected or 'unknown'} items")
    if record.settings.timesteps is not None:
        parts.append(f"{len(record.settings.timesteps)} timesteps")
    if record.score_low is not None and record.score_high is not None:
        parts.append(f"95 % {100 * record.score_low:.1f} to {100 * record.score_high:.1f}")
    return ", ".join(parts)
