"""`gdbench audit`: run a random part of a submission again, drawn after it was fixed."""

from __future__ import annotations

import math
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from gdbench.errors import GdbenchError, InputError
from gdbench.operations import disagreement, prices_of
from gdbench.protocol import Item, ITMModel, Query, Scores
from gdbench.records import Operations, ResultRecord, canonical
from gdbench.scoring import score_stream
from gdbench.submissions.agreement import (
    ItemAgreement,
    Spread,
    compare,
    size_of,
    spread_between,
)
from gdbench.submissions.at_hand import Load, NotAtHandError, same_model
from gdbench.submissions.draw import (
    Questions,
    drawn,
    gains_of,
    miss,
    plan,
    seed_of,
    smallest_found,
)
from gdbench.submissions.finished import Finished, open_finished
from gdbench.submissions.layout import AUDITED
from gdbench.submissions.levels import Level
from gdbench.submissions.logs import POINTS, POWER, Audit, Logs, write_audited
from gdbench.submissions.manifest import ManifestSource
from gdbench.submissions.neighbours import Verified
from gdbench.submissions.results import samples_of, score_of
from gdbench.submissions.verify import Report

PROBES = 4
"""Items of a model that are run twice to see its numerical spread."""
MOST_SPREAD = 0.01
"""Models whose scores move by more of their size say nothing twice; halves move by 0.0005."""
_HALF = ("float16", "bfloat16")


@dataclass(frozen=True)
class Wanted:
    """What an audit has to find; `share` or everything instead of what follows from it."""

    points: float = POINTS
    power: float = POWER
    share: float | None = None
    randomness: str = ""

    def __post_init__(self) -> None:
        if not 0 < self.points <= 100:  # noqa: PLR2004 # points of a score
            raise InputError(f"--points {self.points:g}: expected above 0, up to 100")
        if not 0 < self.power < 1:
            raise InputError(f"--power {self.power:g}: expected between 0 and 1, such as 0.99")


@dataclass(frozen=True)
class TaskAudit:
    """One result that was to be run again."""

    path: str
    items: int = 0
    of: int = 0
    flips: tuple[str, ...] = ()
    """Ids of the items whose answer is another one."""
    largest: float = 0.0
    tolerance: float = 0.0
    fault: str = ""
    """The first thing that differs beyond noise."""
    skipped: str = ""
    """Why it was not run, where it was not."""
    alone: float | None = None
    """Points of this task alone whose forgery is found; None for tasks without a score."""

    @property
    def agrees(self) -> bool:
        """Whether it was run again and is as it was submitted."""
        return self.items > 0 and not self.skipped and not self.flips and not self.fault

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return asdict(self) | {"flips": list(self.flips), "agrees": self.agrees}


@dataclass(frozen=True)
class AuditReport:
    """What an audit found."""

    tasks: tuple[TaskAudit, ...]
    randomness: str
    points: float
    power: float
    """The chance that a forgery of `points` of the score is found, computed for these items."""

    @property
    def ok(self) -> bool:
        """Whether everything was run again and agreed."""
        return bool(self.tasks) and all(t.agrees for t in self.tasks)

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {
            "ok": self.ok,
            "randomness": self.randomness,
            "points": self.points,
            "power": self.power,
            "tasks": [t.as_dict() for t in self.tasks],
        }


def parse_share(text: str) -> float:
    """A share in (0, 1] from "1%" or "0.01". Raises InputError."""
    try:
        share = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        share = math.nan
    if not 0 < share <= 1:
        raise InputError(f"--rescore {text!r} is not a share of the items, e.g. 1% or 0.01")
    return share


def fresh_randomness() -> str:
    """Randomness of this machine's system, which nobody knew a moment before."""
    return f"system {secrets.token_hex(32)}"


def audit(
    report: Report,
    source: ManifestSource,
    load: Load,
    wanted: Wanted | None = None,
    *,
    item_timeout: float | None = None,
) -> AuditReport:
    """Run a random part of every result of a report again.

    Results of one model and revision are one submission: its items are drawn together. A result
    that does not verify, or whose model is not at hand, is not run and is no pass.
    """
    wanted = wanted or Wanted()
    randomness = wanted.randomness or fresh_randomness()
    groups: dict[tuple[str, str], list[Verified]] = {}
    for v in report.submissions:
        groups.setdefault((v.place.model, v.place.revision), []).append(v)
    tasks: list[TaskAudit] = []
    power = 1.0
    for group in groups.values():
        found, surely = _submission(group, source, load, wanted, randomness, item_timeout)
        tasks += found
        power = min(power, surely)
    return AuditReport(tuple(tasks), randomness, wanted.points, power)


def questions(finished: Finished, n_tasks: int) -> Questions:
    """The items of a result and what each can move in the mean of `n_tasks` tasks."""
    ids = [s.item_id for s in finished.scores]
    samples = samples_of(finished.task, finished.labels, [s.matrix for s in finished.scores])
    scored = score_of(finished.task, samples) is not None
    weights = [
        dict(zip(samples[name].ids, samples[name].item_weight().tolist(), strict=True))
        for name in finished.task.primary
        if scored
    ]
    gains = gains_of(weights, n_tasks) if weights else {}
    ordered = np.sort(np.array([gains.get(i, 0.0) for i in ids]))[::-1]
    return Questions(tuple(ids), ordered)


def _submission(
    group: Sequence[Verified],
    source: ManifestSource,
    load: Load,
    wanted: Wanted,
    randomness: str,
    item_timeout: float | None,
) -> tuple[list[TaskAudit], float]:
    """The audits of one submission, and how surely a forgery in what was run is found."""
    refused = {v.place.path: _refusal(v) for v in group}
    finished = {
        v.place.path: open_finished(v.place.folder, source)
        for v in group
        if not refused[v.place.path]
    }
    n_scored = sum(bool(f.task.primary) for f in finished.values())
    asked = {path: questions(f, max(1, n_scored)) for path, f in finished.items()}
    gain = wanted.points / 100
    if wanted.share is not None:
        n = {path: max(1, math.ceil(wanted.share * q.n)) for path, q in asked.items()}
    else:
        n = plan(asked, gain, wanted.power) if asked else {}
    seed = seed_of(randomness, {path: f.digest for path, f in finished.items()})
    runner = _Runner(load, item_timeout)
    found = []
    for v in group:
        path = v.place.path
        if refused[path]:
            found.append(TaskAudit(path, skipped=refused[path]))
            continue
        q = asked[path]
        chosen = drawn(q.ids, n[path], seed, path)
        result = _task(path, finished[path], chosen, source, runner)
        alone = None
        if q.gains[0] > 0:
            share = smallest_found(q, n[path], wanted.power) * float(q.gains[0])
            alone = round(100 * min(1.0, share * max(1, n_scored)), 1)
        found.append(replace(result, alone=alone))
    scored = {path: q for path, q in asked.items() if q.gains[0] > 0}
    return found, (1 - miss(scored, n, gain)) if scored else 0.0


def _refusal(v: Verified) -> str:
    """Why a result cannot be audited at all; empty where it can."""
    if v.level is Level.INVALIDATED:
        return f"withdrawn: {v.reason}"
    if v.problems:
        return f"does not verify: {v.problems[0].check}: {v.problems[0].problem}"
    if v.record is None or not v.level.usable:
        return f"nothing could be recomputed ({v.level})"
    return ""


def _task(
    path: str, finished: Finished, chosen: set[str], source: ManifestSource, runner: _Runner
) -> TaskAudit:
    """Run the chosen items of one result again and compare them."""
    record, info = finished.record, finished.record.task
    try:
        model, other = runner.model(record)
        if other:
            return TaskAudit(path, of=len(finished.scores), skipped="", fault=other)
        submitted = {s.item_id: s for s in finished.scores}
        scored = [
            item
            for item in finished.task.items(
                info.suite, source.root, info.compat, allow_partial=True
            )
            if item.id in submitted
        ]
        items = [item for item in scored if item.id in chosen]
        again = runner.run(model, items)
        spread = runner.spread(model, record, items, again)
        price = _price_fault(record, model, scored)
    except NotAtHandError as error:
        return TaskAudit(path, of=len(finished.scores), skipped=str(error))
    except GdbenchError as error:
        return TaskAudit(path, of=len(finished.scores), skipped=f"could not be run: {error}")
    among = max(map(size_of, again), default=0.0)
    compared = [
        compare(finished.task, item.label, submitted[item.id], scores, spread, among)
        for item, scores in zip(items, again, strict=True)
    ]
    if len(compared) < len(chosen):
        missing = len(chosen) - len(compared)
        return TaskAudit(path, skipped=f"{missing} of the drawn items are not at hand")
    found = _summary(path, compared, len(finished.scores))
    return replace(found, fault=found.fault or price)


def _price_fault(record: ResultRecord, model: ITMModel, items: Sequence[Item]) -> str:
    """Why the operations of a record are not those of its model; the board's cost rests on them."""
    found, settings = record.cost.operations, record.settings
    if not isinstance(found, Operations):
        return ""
    steps = None if settings.stops_early else len(settings.timesteps or ()) or None
    return disagreement(found, prices_of(model), items, steps)


def _summary(path: str, compared: Sequence[ItemAgreement], of: int) -> TaskAudit:
    worst = max(compared, key=lambda c: (not c.agrees, c.difference))
    fault = ""
    if not worst.agrees:
        fault = worst.fault or (
            f"item {worst.item_id}: candidates differ by {worst.difference:.3g} from what was "
            f"submitted, {worst.tolerance:.3g} is noise"
            if worst.difference > worst.tolerance
            else f"item {worst.item_id}: another answer"
        )
    return TaskAudit(
        path,
        items=len(compared),
        of=of,
        flips=tuple(c.item_id for c in compared if c.flipped),
        largest=max(c.difference for c in compared),
        tolerance=min(c.tolerance for c in compared),
        fault=fault,
    )


class _Runner:
    """Models of records, each loaded once, and their spreads, each measured once."""

    def __init__(self, load: Load, item_timeout: float | None) -> None:
        self.load = load
        self.item_timeout = item_timeout
        self._models: dict[bytes, tuple[ITMModel, str]] = {}
        self._spreads: dict[bytes, Spread] = {}

    def model(self, record: ResultRecord) -> tuple[ITMModel, str]:
        """The record's model, and why it is another one where it is."""
        key = _key(record)
        if key not in self._models:
            model = self.load(record)
            self._models = {key: (model, same_model(model, record) or "")}
        return self._models[key]

    def run(self, model: ITMModel, items: Sequence[Item]) -> list[Scores]:
        """Scores of items, in their order."""
        return [s for _, s in score_stream(model, items, item_timeout=self.item_timeout)]

    def spread(
        self, model: ITMModel, record: ResultRecord, items: Sequence[Item], again: Sequence[Scores]
    ) -> Spread:
        """The model's numerical spread: alone or in a batch, and in full precision for halves."""
        key = _key(record)
        if key not in self._spreads:
            probes = items[:PROBES]
            queries: list[Query] = [item.query for item in probes]
            alone = [s for item in probes for s in self.run(model, [item])]
            found = spread_between(queries, again[:PROBES], alone)
            if record.settings.dtype in _HALF:
                settings = record.settings.model_copy(update={"dtype": "float32"})
                full = self.load(record.model_copy(update={"settings": settings}))
                exact = spread_between(queries, again[:PROBES], self.run(full, probes))
                found = Spread(max(found.scores, exact.scores), max(found.errors, exact.errors))
            if max(found.scores, found.errors) > MOST_SPREAD:
                raise GdbenchError(
                    f"its numbers move by {max(found.scores, found.errors):.1%} of their size with "
                    f"batch shape or precision, {MOST_SPREAD:.0%} at most: nothing can be compared"
                )
            self._spreads[key] = found
        return self._spreads[key]


def _key(record: ResultRecord) -> bytes:
    """Equal where two records were made by the same model under the same settings."""
    return canonical([part.model_dump(mode="json") for part in (record.model, record.settings)])


def entries(done: AuditReport, report: Report, by: str) -> Iterator[Audit]:
    """Entries of the audit log for what agreed and is strong enough for the log."""
    records: Mapping[str, ResultRecord] = {
        v.place.path: v.record for v in report.submissions if v.record is not None
    }
    today = datetime.now(UTC).date().isoformat()
    strong = done.points <= POINTS and done.power >= POWER
    for t in done.tasks:
        if t.agrees and (strong or t.items == t.of):
            yield Audit(
                t.path, records[t.path].scores_sha256, t.items, t.of, t.largest, done.points,
                math.floor(done.power * 1e6) / 1e6, done.randomness, by, today,
            )  # fmt: skip


def record_audit(done: AuditReport, report: Report, log: Path, by: str) -> int:
    """Add what agreed to the audit log; the number of entries.

    Raises InputError where the log has entries that cannot be read: they would be lost.
    """
    new = list(entries(done, report, by))
    known = Logs.read(log)
    for problem in known.problems:
        if problem.path == AUDITED:
            raise InputError(f"{log / AUDITED}: {problem.problem}; nothing was written")
    write_audited(log, [*known.audited, *new])
    return len(new)
