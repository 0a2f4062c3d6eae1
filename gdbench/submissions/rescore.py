"""`gdbench verify --rescore 1%`: run the model again on a seeded sample of items."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from gdbench.errors import GdbenchError, InputError, UnknownNameError
from gdbench.models import load_request
from gdbench.models.own import own_model
from gdbench.protocol import Item, ITMModel, Query, Scores
from gdbench.records import ModelSettings, ResultRecord, canonical
from gdbench.run import ModelRequest, Where
from gdbench.scoring import score_stream
from gdbench.submissions.badges import Badge, Logs, Rescoring, write_rescored
from gdbench.submissions.finished import open_finished
from gdbench.submissions.layout import run_places
from gdbench.submissions.problems import Problem, shown
from gdbench.submissions.verify import Report, Verified, submissions_root

# Largest difference of a score from the submitted one, relative to the larger of 1 and the score:
# what other devices and batch shapes may do to the same model.
TOLERANCE = {"float32": 1e-3, "float16": 0.1, "bfloat16": 0.5}

Load = Callable[[ResultRecord], ITMModel]


class NotAtHandError(GdbenchError):
    """The model of a record is not on this machine: no fault of the record."""


@dataclass(frozen=True)
class Rescored:
    """What running the model again gave."""

    path: str
    items: int
    max_difference: float
    tolerance: float
    skipped: str = ""
    """Why the model was not run, where it was not."""

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return asdict(self)


def parse_share(text: str) -> float:
    """A share in (0, 1] from "1%" or "0.01". Raises InputError."""
    try:
        share = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        share = math.nan
    if not 0 < share <= 1:
        raise InputError(f"--rescore {text!r} is no share of the items, e.g. 1% or 0.01")
    return share


def chosen(ids: Sequence[str], share: float, seed: int) -> set[str]:
    """At least one of the ids, chosen by a seeded hash: nobody can prepare just these."""
    order = sorted(ids, key=lambda i: hashlib.sha256(f"rescore/{seed}/{i}".encode()).digest())
    return set(order[: max(1, math.ceil(share * len(ids)))])


def loader(spec: str | None, lora: str | None = None, where: Where | None = None) -> Load:
    """How the model of a record is loaded: by its registered name, or as `spec`.

    A record is a stranger's: its name is looked up in the registry, never taken for a path, and
    nothing is downloaded for it. All its settings are taken over.
    """

    def load(record: ResultRecord) -> ITMModel:
        settings = record.settings.asked()
        if spec is not None or record.model.family == "control":
            # what only a diffusion model's own settings have is refused by other models
            settings = settings.model_copy(update={"dtype": _dtype_of(record)})
        request = ModelRequest(
            model=spec or registered(record, lora=lora is not None),
            arguments={} if spec is None else record.settings.extra,
            lora=lora,
            settings=settings,
        )
        return load_request(request, where)

    return load


def _dtype_of(record: ResultRecord) -> str | None:
    """The precision that was recorded, where the model has one to choose."""
    return None if record.settings.dtype == "float32" else record.settings.dtype


def registered(record: ResultRecord, *, lora: bool = False) -> str:
    """What `--model` calls the record's model. Raises NotAtHandError where it is not here."""
    from gdbench.models import KINDS
    from gdbench.models.loading import entry_of

    try:
        entry, prefix = entry_of(record.model.name)
    except UnknownNameError:
        raise NotAtHandError(
            f"{shown(record.model.name)} is not registered; give --model"
        ) from None
    if not KINDS.get(entry.kind).is_here(entry):
        raise NotAtHandError(f"the weights of {entry.name} are not here")
    if record.settings.lora is not None and entry.lora is None and not lora:
        raise NotAtHandError(f"{entry.name} was run with a LoRA; give --lora")
    return prefix + entry.name


def same_model(model: ITMModel, record: ResultRecord) -> str | None:
    """Why the loaded model is not the record's though it has its name; None where it is.

    Records before version 2 name no content: their scores alone tell. Raises NotAtHandError where
    it is other content.
    """
    subject: Any = own_model(model)
    if record.content is not None:
        parts = subject.content.differences(record.content)
        if parts:
            raise NotAtHandError(f"here is other content: {', '.join(parts)}")
    here, theirs = subject.card.name, record.model.name
    if here != theirs:
        return f"the model here is {shown(here)}, the record has {shown(theirs)}"
    mine, said = subject.settings, record.settings
    if record.content is None:
        mine, said = (_comparable(s) for s in (mine, said))
    if mine != said:
        return "the settings of the model here are not those of the record"
    return None


def _comparable(settings: ModelSettings) -> ModelSettings:
    """Settings as version 1 had them: a LoRA's hash was of its file, a precision always there."""
    dtype = None if settings.dtype == "float32" else settings.dtype
    return settings.model_copy(update={"lora": None, "dtype": dtype})


def rescore_one(
    model: ITMModel,
    items: Iterable[Item],
    submitted: Sequence[Scores],
    share: float,
    seed: int,
    *,
    item_timeout: float | None = None,
) -> tuple[int, float]:
    """Number of items scored again and the largest relative difference of a score.

    In text retrieval scores count up to a constant, such as the image's unconditional error.
    """
    old = {s.item_id: s.matrix for s in submitted}
    wanted = chosen(sorted(old), share, seed)
    worst = 0.0
    n = 0
    asked = (i for i in items if i.id in wanted)
    for item, scores in score_stream(model, asked, item_timeout=item_timeout):
        before, now = (m.astype(np.float64) for m in (old[item.id], scores.matrix))
        scale = np.maximum(1.0, np.abs(before))
        if item.query is Query.TEXT_RETRIEVAL:
            before, now = before - before.mean(), now - now.mean()
        worst = max(worst, float((np.abs(now - before) / scale).max()))
        n += 1
    return n, worst


def rescore_report(
    report: Report,
    share: float,
    *,
    folder: Path,
    seed: int = 0,
    root: Path | None = None,
    record: bool = False,
    load: Load | None = None,
    item_timeout: float | None = None,
) -> tuple[Report, list[Rescored]]:
    """Rescore what was recomputed without a problem; a difference becomes a problem.

    With `record` the results are added to `RESCORED.toml` of the folder of submissions. Raises
    InputError where the folder is a run.
    """
    if record and run_places(folder):
        raise InputError(f"{folder} is a run; --record writes to a folder of submissions")
    load = load or loader(None)
    problems: list[Problem] = []
    rescored: list[Rescored] = []
    after: list[Verified] = []
    models: dict[bytes, ITMModel] = {}
    for v in report.submissions:
        if not v.recomputed or v.record is None or v.problems or v.badge is Badge.INVALIDATED:
            after.append(v)
            continue
        key = canonical(
            [part.model_dump(mode="json") for part in (v.record.model, v.record.settings)]
        )
        try:
            if key not in models:
                models = {key: load(v.record)}
            found = _rescore(v, models[key], share, seed, root, item_timeout)
        except NotAtHandError as error:
            rescored.append(Rescored(v.place.path, 0, 0.0, 0.0, skipped=str(error)))
            after.append(v)
            continue
        except GdbenchError as error:
            found = Problem(v.place.path, "rescore", str(error))
        if isinstance(found, Problem):
            problems.append(found)
            after.append(replace(v, problems=(*v.problems, found), badge=Badge.FAILED))
        else:
            rescored.append(found)
            stronger = Badge.RESCORED if v.badge is Badge.RECOMPUTED else v.badge
            after.append(replace(v, badge=stronger))
    if record and any(not r.skipped for r in rescored):
        _record(folder, rescored, {v.place.path: v.record for v in after if v.record})
    return Report(tuple(after), (*report.problems, *problems)), rescored


def _rescore(
    v: Verified, model: ITMModel, share: float, seed: int, root: Path | None,
    item_timeout: float | None,
) -> Rescored | Problem:  # fmt: skip
    subject = open_finished(v.place.folder)
    info = subject.record.task
    other = same_model(model, subject.record)
    if other:
        return Problem(v.place.path, "rescore", other)
    items = subject.task.items(info.suite, root, info.compat, allow_partial=True)
    n, worst = rescore_one(model, items, subject.scores, share, seed, item_timeout=item_timeout)
    tolerance = TOLERANCE.get(subject.record.settings.dtype or "float32", TOLERANCE["float16"])
    if worst > tolerance:
        text = f"{n} items scored again differ by up to {worst:.3g}, at most {tolerance:g} is noise"
        return Problem(v.place.path, "rescore", text)
    return Rescored(v.place.path, n, worst, tolerance)


def _record(folder: Path, rescored: Sequence[Rescored], records: dict[str, ResultRecord]) -> None:
    root = submissions_root(folder)
    today = datetime.now(UTC).date().isoformat()
    new = [
        Rescoring(r.path, records[r.path].scores_sha256, r.items, r.max_difference, today)
        for r in rescored
        if not r.skipped
    ]
    write_rescored(root, [*Logs.read(root).rescored, *new])
