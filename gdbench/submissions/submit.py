"""`gdbench submit`: from a run to a folder that can be verified without the run."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from gdbench.errors import InputError
from gdbench.numbers import size_in_bytes
from gdbench.protocol import Scores
from gdbench.records import ResultRecord
from gdbench.store import hash_scores, write_atomically
from gdbench.submissions.finished import Finished, open_record, open_run
from gdbench.submissions.layout import RECORD, SCORES, revision_folder, row_of, unlike
from gdbench.submissions.manifest import ManifestSource
from gdbench.submissions.merkle import root_of
from gdbench.submissions.scores import encode
from gdbench.submissions.staging import put, staged
from gdbench.submissions.verify import Report, verify
from gdbench.tasks import TASKS

logger = logging.getLogger(__name__)
ERRORS_BYTES: Final = 500_000
"""Of a score file, up to which a submission keeps its errors: a few megabytes a model."""


def compact(
    record: ResultRecord, scores: Sequence[Scores]
) -> tuple[ResultRecord, tuple[Scores, ...]]:
    """Without per-timestep errors; the record then names the hash of the whole log beside."""
    bare = tuple(Scores(s.item_id, s.matrix, truncated_texts=s.truncated_texts) for s in scores)
    if all(s.errors is None for s in scores):
        return record, bare
    changed = {"scores_sha256": hash_scores(bare), "log_sha256": record.scores_sha256}
    return record.model_copy(update=changed), bare


def _packed(
    finished: Finished, *, with_errors: bool | None
) -> tuple[ResultRecord, Sequence[Scores], bytes]:
    """Record, scores and score file of a task; None: with errors where they are few enough."""
    record, scores = finished.record, finished.scores
    if with_errors is not False and scores and scores[0].errors is not None:
        data = encode(scores, errors=True)
        if with_errors or len(data) <= ERRORS_BYTES:
            return record, scores, data
        logger.warning(
            "%s: with its per-timestep errors it takes %s, more than %s: they are left out, and no "
            "curve over the timesteps can be drawn; --with-errors keeps them",
            record.task.name,
            size_in_bytes(len(data)),
            size_in_bytes(ERRORS_BYTES),
        )
    record, bare = compact(record, scores)
    return record, bare, encode(bare, errors=False)


def submit(
    run: Path,
    to: Path,
    *,
    with_errors: bool | None = None,
    replace: bool = False,
    source: ManifestSource | None = None,
) -> tuple[list[Path], Report]:
    """Write every finished task of a run to `to/<model>/<revision>/<task>/` and verify it.

    Of suites other than `full` and `mini` the folder is `<revision>+<suite>`.

    Args:
        run: run directory.
        to: the folder of submissions; made if need be.
        with_errors: keep the per-timestep errors, from which the Monte-Carlo part and the score
            for every smaller number of timesteps are recomputed. None: of tasks whose file stays
            below `ERRORS_BYTES` with them.
        replace: overwrite what is there for the same model, revision and task.
        source: where the items of the suite are, if it is not the mini suite.

    Returns:
        The folders written, and the report of verifying them. Nothing is written where a check
        fails that does not come from missing items.

    Raises:
        InputError: the run is unfinished or its score log was changed, a folder is taken, or other
            tasks of the revision are there with other settings.
        GdbenchError: there is no space, or the folder cannot be written to; it is as it was.
    """
    with staged(to) as staging:
        records: dict[Path, ResultRecord] = {}
        for finished in open_run(run, source or ManifestSource()):
            record = finished.record
            if record.task.name not in TASKS:
                raise InputError(
                    f"{finished.folder}: {record.task.name} is a task of your own, which nobody "
                    "else can check: it is not ranked, and not submitted"
                )
            place = Path(record.model.name) / revision_folder(record) / record.task.name
            if (to / place).exists() and not replace:
                raise InputError(f"{to / place} is there already; --replace overwrites it")
            record, scores, data = _packed(finished, with_errors=with_errors)
            root = root_of(scores, record.settings.noise_sha256)
            record = record.model_copy(update={"items_root": root})
            write_atomically(staging / place / SCORES, data)
            text = record.model_dump_json(indent=2) + "\n"
            write_atomically(staging / place / RECORD, text.encode())
            records[place] = record
        _check_rows(records, to)
        report = verify(staging, source)
        if report.ok or all(p.check == "unavailable" for p in report.problems):
            put(staging, to, list(records))
    return [to / place for place in records], report


def _check_rows(records: Mapping[Path, ResultRecord], to: Path) -> None:
    """Raise InputError where a task that is there and stays has other settings or content."""
    # all tasks of a run have its one setting
    its = {row_of(record): record for record in records.values()}
    for folder in dict.fromkeys(place.parent for place in records):
        for path in sorted((to / folder).glob(f"*/{RECORD}")):
            if path.parent.relative_to(to) in records:
                continue
            other = open_record(path)
            record = its.get(row_of(other))
            if record is not None and (names := unlike(record, other)):
                raise InputError(
                    f"{record.task.name} has not the {', '.join(names)} of {path.parent}, which is "
                    "there: a row of the board is one model with one setting; run all tasks with it"
                )
