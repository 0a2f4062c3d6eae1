"""`gdbench submit`: from a run to a folder that can be verified without the run."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
from pydantic import ValidationError

from gdbench.errors import InputError
from gdbench.protocol import Scores
from gdbench.records import ResultRecord
from gdbench.store import ScoreLog, hash_scores, write_atomically
from gdbench.submissions.layout import RECORD, SCORES
from gdbench.submissions.manifest import ManifestSource
from gdbench.submissions.scores import encode
from gdbench.submissions.verify import Report, verify


def records_of(run: Path) -> list[tuple[Path, ResultRecord]]:
    """The finished tasks of a run directory. Raises InputError where there are none."""
    if not run.is_dir():
        raise InputError(f"{run}: no such folder; give the --out of `gdbench evaluate`")
    found = []
    for path in sorted(run.glob(f"*/{RECORD}")):
        try:
            found.append((path.parent, ResultRecord.model_validate_json(path.read_bytes())))
        except (ValidationError, OSError) as error:
            raise InputError(f"{path} is not a record: {str(error).splitlines()[0]}") from error
    if not found:
        raise InputError(
            f"{run} has no finished task (<task>/{RECORD}); let `gdbench evaluate` end"
        )
    return found


def read_log(folder: Path, record: ResultRecord) -> list[Scores]:
    """The scores of a finished task. Raises InputError where they are not those of the record."""
    try:
        scores = list(ScoreLog(folder).read())
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{folder / SCORES} cannot be read: {error}") from error
    digest = hash_scores(scores)
    if digest != record.scores_sha256:
        raise InputError(
            f"{folder / SCORES} has changed since the run: its hash is {digest[:12]}…, "
            f"{RECORD} says {record.scores_sha256[:12]}…; evaluate again in another --out"
        )
    return scores


def compact(record: ResultRecord, scores: Sequence[Scores]) -> tuple[ResultRecord, list[Scores]]:
    """Without per-timestep errors; the record then names the hash of the whole log beside."""
    bare = [Scores(s.item_id, s.matrix, truncated_texts=s.truncated_texts) for s in scores]
    if all(s.errors is None for s in scores):
        return record, bare
    changed = {"scores_sha256": hash_scores(bare), "log_sha256": record.scores_sha256}
    return record.model_copy(update=changed), bare


def submit(
    run: Path,
    to: Path,
    *,
    with_errors: bool = False,
    replace: bool = False,
    source: ManifestSource | None = None,
) -> tuple[list[Path], Report]:
    """Write every finished task of a run to `to/<model>/<revision>/<task>/` and verify it.

    Args:
        run: run directory.
        to: the folder of submissions; made if need be.
        with_errors: keep the per-timestep errors (megabytes for diffusion models), so that the
            Monte-Carlo part can be recomputed as well.
        replace: overwrite what is there for the same model, revision and task.
        source: where the items of the suite are, if it is not the mini suite.

    Returns:
        The folders written, and the report of verifying them. Nothing is written where a check
        fails that does not come from missing items.

    Raises:
        InputError: the run is unfinished or its score log was changed, or a folder is taken.
    """
    with tempfile.TemporaryDirectory(prefix="gdbench-submit-") as name:
        staging = Path(name) / "submissions"
        places = []
        for folder, record in records_of(run):
            place = Path(record.model.name) / record.model.revision / record.task.name
            if (to / place).exists() and not replace:
                raise InputError(f"{to / place} is there already; --replace overwrites it")
            scores = read_log(folder, record)
            if not with_errors:
                record, scores = compact(record, scores)  # noqa: PLW2901 # the compact ones
            data = encode(scores, errors=with_errors and scores[0].errors is not None)
            write_atomically(staging / place / SCORES, data)
            text = record.model_dump_json(indent=2) + "\n"
            write_atomically(staging / place / RECORD, text.encode())
            places.append(place)
        report = verify(staging, source)
        if report.ok or all(p.check == "unavailable" for p in report.problems):
            for place in places:
                target = to / place
                if target.exists():
                    shutil.rmtree(target)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copytree(staging / place, target)
    return [to / place for place in places], report
