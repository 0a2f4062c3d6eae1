"""The checks of one submission: everything a record says, made again from its scores.

Every function yields problems as (check, text). A claim that can be derived is derived; what
cannot (who ran it, how long it took) is checked for being possible.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from gdbench.errors import InputError
from gdbench.metrics.denoising import is_weighted, latent_size, matrix_of, terms
from gdbench.metrics.intervals import Interval
from gdbench.metrics.measures import tie_rule
from gdbench.metrics.summary import score_interval, summarise, task_score
from gdbench.operations import logged_passes
from gdbench.protocol import Scores
from gdbench.readable import shown
from gdbench.records import MetricValue, Operations, ResultRecord
from gdbench.signature import parse_signature, signature
from gdbench.submissions import setting_checks
from gdbench.submissions.layout import Place, RunPlace, revision_folder
from gdbench.submissions.manifest import Manifest, ManifestSource
from gdbench.submissions.merkle import root_of
from gdbench.submissions.replay import evaluated
from gdbench.submissions.scores import ScoreFile
from gdbench.submissions.times import FIRST, last
from gdbench.tasks import TASKS
from gdbench.tasks.base import BUNDLED, Task
from gdbench.tasks.definition import define

Finding = tuple[str, str]
TOLERANCE = 1e-9  # the same numbers, added in another order by another processor
SCORE_TOLERANCE = 1e-5  # of scores from their errors, relative to the errors: float32
FLOAT32 = 1e-6  # relative to the scores themselves: a few of their last bits
_NOISE = ("noise_se", "samples_to_halve_noise")  # need the per-timestep errors
_MAX_EVALUATIONS_PER_SECOND = 1e7


@dataclass(frozen=True)
class Subject:
    """What the checks look at."""

    record: ResultRecord
    task: Task
    manifest: Manifest
    file: ScoreFile
    digest: str
    """sha256 of the scores."""

    @property
    def scores(self) -> Sequence[Scores]:
        """The items' scores in the order of the file."""
        return self.file.scores


def place_of(place: Place, record: ResultRecord) -> Iterator[Finding]:
    """The path says what the record says; that of a run names the task alone."""
    named = not isinstance(place, RunPlace)
    for what, folder, said in (
        ("model", place.model, record.model.name),
        ("revision", place.revision, record.model.revision),
        ("task", place.task, record.task.name),
    ):
        if what == "revision" and folder == revision_folder(record):
            continue
        if folder != said and (named or what == "task"):
            yield "layout", f"{what} is {shown(said)} in the record and {shown(folder)} in the path"


def items(subject: Subject) -> Iterator[Finding]:
    """Which items were scored: all, or all that --limit chooses, or fewer and said so."""
    task, manifest = subject.record.task, subject.manifest
    ids = {s.item_id for s in subject.scores}
    expected = manifest.limited(task.limit, task.item_seed)
    missing = [i for i in expected if i not in ids]
    extra = ids.difference(expected)
    if extra:
        yield "ids", f"item {shown(min(extra))} is not among those that limit {task.limit} chooses"
    n_expected = subject.task.n_expected(task.suite, task.compat)
    if task.n_expected != n_expected:
        yield "count", f"n_expected is {task.n_expected}, the task has {n_expected} items"
    if task.n_items != len(ids):
        yield "count", f"n_items is {task.n_items}, there are scores of {len(ids)} items"
        if missing:
            yield "ids", f"{len(missing)} items have no scores, the first is {shown(missing[0])}"
    elif missing and task.limit is not None:
        yield "ids", f"{len(missing)} items that limit {task.limit} chooses have no scores"
    digest = manifest.sha256(ids)
    if task.manifest_sha256 != digest:
        yield (
            "manifest",
            (
                f"manifest_sha256 is {task.manifest_sha256[:12]}…, the items have {digest[:12]}…: "
                "other items, labels, captions or pictures"
            ),
        )


def relabelled(record: ResultRecord, ids: Sequence[str]) -> Iterator[Finding]:
    """Where a suite's items are not at hand: that they are not those of a suite that is."""
    task = TASKS.get(record.task.name) if record.task.name in TASKS else None
    if task is None or record.task.suite in BUNDLED:
        return
    for suite in filter(task.sources.__contains__, BUNDLED):
        mini = ManifestSource().get(task, suite, None)
        known = [i for i in ids if i in mini.labels]
        if known and (len(known) == len(ids) or record.task.manifest_sha256 == mini.sha256(known)):
            text = f"suite is {shown(record.task.suite)}, the items are those of the suite {suite}"
            yield "manifest", text


def task_of(subject: Subject) -> Iterator[Finding]:
    """Task version and mode are those that this gdbench has."""
    record = subject.record
    expected = subject.task.version_of(record.task.suite)
    if record.task.version != expected:
        yield (
            "manifest",
            f"version of the task is {shown(record.task.version)}, expected {expected}",
        )
    if record.definition is not None and record.definition != define(subject.task):
        yield "manifest", f"the definition is not that of the task {record.task.name}"


def hashes(subject: Subject) -> Iterator[Finding]:
    """Scores with their errors are the whole log; that they are the record's saw the reader."""
    if subject.file.with_errors and subject.record.log_sha256 not in (None, subject.digest):
        yield "hash", "log_sha256 is not the hash of the scores with their errors"
    root = subject.record.items_root
    if root is not None and root != root_of(subject.scores, subject.record.settings.noise_sha256):
        yield "hash", f"items_root is {root[:12]}…, which is not that of these items"


def _differs(mine: object, theirs: object) -> bool:
    if isinstance(mine, float) and isinstance(theirs, (int, float)):
        return not math.isclose(mine, theirs, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return mine != theirs


def recomputed(subject: Subject) -> tuple[MetricValue, ...]:
    """The metrics from the scores."""
    record = subject.record
    errors: Callable[[], Sequence[Scores]] | None = (
        (lambda: subject.scores) if subject.file.with_errors else None
    )
    return summarise(
        subject.task.measures,
        [subject.manifest.labels[s.item_id] for s in subject.scores],
        [s.matrix for s in subject.scores],
        seed=record.resampling_seed,
        errors=errors,
        settings=record.settings,
        compat=record.task.compat,
    )


def recomputed_interval(subject: Subject) -> Interval | None:
    """The interval of the score from the scores."""
    return score_interval(
        subject.task.measures,
        subject.task.primary,
        [subject.manifest.labels[s.item_id] for s in subject.scores],
        [s.matrix for s in subject.scores],
        ties=tie_rule(subject.record.task.compat),
    )


def metrics(subject: Subject) -> Iterator[Finding]:
    """Every number of every metric, and the score."""
    record = subject.record
    own = recomputed(subject)
    said = {m.name: m for m in record.metrics}
    if len(said) != len(record.metrics):
        yield "metric", "a metric is there twice"
    names = [m.name for m in own]
    # of errors that are not here; a model without timesteps has none
    claimed = record.settings.timesteps is not None and not subject.file.with_errors
    for name in said.keys() - set(names):
        yield "metric", f"{shown(name)} is not a metric of the task"
    for mine in own:
        theirs = said.get(mine.name)
        if theirs is None:
            yield "metric", f"{mine.name} is missing"
        else:
            yield from _metric(mine, theirs, claimed=claimed)
    score = task_score(subject.task.primary, own)
    if _differs(score, record.score):
        yield "score", f"score is {record.score}, the scores give {score}"
    interval = recomputed_interval(subject)
    ends = (None, None) if interval is None else (interval.low, interval.high)
    for name, end in zip(("score_low", "score_high"), ends, strict=True):
        if _differs(end, getattr(record, name)):
            yield "score", f"{name} is {getattr(record, name)}, the scores give {end}"


def _metric(mine: MetricValue, theirs: MetricValue, *, claimed: bool) -> Iterator[Finding]:
    for name in MetricValue.model_fields:
        a, b = getattr(mine, name), getattr(theirs, name)
        if name in _NOISE and claimed:
            if b is not None and not 0 <= b <= (0.75 if name == "noise_se" else 10**6):
                yield "metric", f"{mine.name}.{name} is {b}, which it cannot be"
        elif name == "details":
            if a.keys() != b.keys():
                yield "metric", f"{mine.name}.details has other names than the scores give"
            for key in a.keys() & b.keys():
                if _differs(a[key], b[key]):
                    yield (
                        "metric",
                        f"{mine.name}.details.{key} is {b[key]}, the scores give {a[key]}",
                    )
        elif _differs(a, b):
            yield "metric", f"{mine.name}.{name} is {b}, the scores give {a}"


def signatures(subject: Subject) -> Iterator[Finding]:
    """The signature is the one that the other fields make."""
    record = subject.record
    expected = signature(record.task, record.model, record.settings, record.content)
    try:
        parse_signature(record.signature)
    except InputError as error:
        yield "signature", str(error)
        return
    if record.signature != expected:
        yield (
            "signature",
            f"is {shown(record.signature, 160)}, the fields make {shown(expected, 160)}",
        )


def truncation(subject: Subject) -> Iterator[Finding]:
    """The number of cut captions is that of the log."""
    total = sum(s.truncated_texts for s in subject.scores)
    if subject.record.truncated_texts != total:
        yield "count", f"truncated_texts is {subject.record.truncated_texts}, the log has {total}"


def errors(subject: Subject) -> Iterator[Finding]:
    """Where errors are there, the scores follow from them."""
    settings = subject.record.settings
    if not subject.file.with_errors or is_weighted(settings):
        return
    for s in subject.scores:
        assert s.errors is not None  # noqa: S101 # with_errors
        if settings.timesteps is None or s.errors.shape[-1] > len(settings.timesteps):
            yield "scores", f"item {shown(s.item_id)} has more errors than there are timesteps"
            return
        known = np.isfinite(s.errors).sum(axis=-1)
        if not settings.stops_early and known.min() < len(settings.timesteps):
            yield (
                "scores",
                f"item {shown(s.item_id)} has {known.min()} errors of a pair, expected one for "
                f"each of {len(settings.timesteps)} timesteps: no rule has stopped it",
            )
            return
        base = s.unconditional_errors
        if settings.normalise and base is None and len(s.matrix) > 1:
            yield "scores", f"item {shown(s.item_id)} lacks the unconditional errors"
            return
        if base is not None and base.shape[-1] != s.errors.shape[-1]:
            yield (
                "scores",
                f"item {shown(s.item_id)} has not as many unconditional errors as others",
            )
            return
        found = matrix_of(s.errors, base, settings)
        size, norm = latent_size(settings), settings.norm or "l2"
        # the median: one huge error, equal for all pairs, would excuse any score
        scale = float(np.nanmedian(terms(s.errors, None, norm=norm, latent_size=size)))
        atol = SCORE_TOLERANCE * max(scale, 1e-12)
        if not np.allclose(found, s.matrix, rtol=FLOAT32, atol=atol):
            yield "scores", f"item {shown(s.item_id)}: the scores do not follow from the errors"
            return


def stops(subject: Subject) -> Iterator[Finding]:
    """Items ended where the named rule ends them."""
    settings = subject.record.settings
    if not subject.file.with_errors or not settings.stops_early or settings.timesteps is None:
        return
    for s in subject.scores:
        assert s.errors is not None  # noqa: S101 # with_errors
        label = subject.manifest.labels[s.item_id]
        asked = evaluated(s, label, settings, subject.task.ranks.get(label.subtask, (1,)))
        known = np.isfinite(s.errors).sum(axis=-1)
        if (asked != known).any():
            pair = tuple(np.argwhere(asked != known)[0].tolist())
            text = f"pair {pair} has {known[pair]} errors, the rule asks for {asked[pair]}"
            yield "scores", f"item {shown(s.item_id)}: {text}"
            return


def cost(subject: Subject) -> Iterator[Finding]:
    """Whether the cost is possible: neither free nor more than there is."""
    c, settings = subject.record.cost, subject.record.settings
    wall = c.wall_seconds
    if wall is None or not 1e-6 <= wall < 1e9:  # noqa: PLR2004 # what a clock shows; thirty years
        yield "cost", f"wall_seconds is {wall}, which no run takes"
        return
    if c.device_seconds is not None and not 0 <= c.device_seconds <= wall + 1:
        took = f"{c.device_seconds} of {wall}"
        yield "cost", f"device_seconds is {took}, more than all of it or less than nothing"
    for name, least in (("peak_memory_bytes", 2**20), ("peak_device_memory_bytes", 0)):
        peak = getattr(c, name)
        if peak is not None and not least <= peak <= 2**50:
            yield "cost", f"{name} is {peak}, which no run takes"
    if (settings.timesteps is None) != (c.unet_evaluations is None):
        yield "cost", "unet_evaluations and settings.timesteps belong together: one is missing"
    elif settings.timesteps is not None and c.unet_evaluations is not None:
        pairs = sum(s.matrix.size for s in subject.scores)
        images = sum(len(s.matrix) for s in subject.scores)
        steps = len(settings.timesteps)
        # equal captions of an item are evaluated once, and work that was lost is done again
        least = len(subject.scores) * (1 if settings.stops_early else steps)
        if subject.file.with_errors:
            # errors under the empty prompt may come from other tasks of the run
            least = logged_passes(subject.scores, normalise=False)
        most = 2 * (pairs + images) * steps
        if not least <= c.unet_evaluations <= most:
            yield "cost", f"unet_evaluations is {c.unet_evaluations}, expected {least} to {most}"
        elif c.unet_evaluations / wall > _MAX_EVALUATIONS_PER_SECOND:
            yield "cost", f"{c.unet_evaluations} evaluations in {wall} s are too fast"


def operations(subject: Subject) -> Iterator[Finding]:
    """Whether the counts behind the operations are those of the items and their scores."""
    found = subject.record.cost.operations
    if not isinstance(found, Operations):
        return
    scores, settings = subject.scores, subject.record.settings
    images = sum(len(s.matrix) for s in scores)
    pairs = sum(s.matrix.size for s in scores)
    texts = sum(s.matrix.shape[1] for s in scores) + 1
    least, most = 0, pairs
    if settings.timesteps is not None:
        steps = len(settings.timesteps)
        least = len(scores) * (1 if settings.stops_early else steps)
        most = (pairs + images) * steps
    if subject.file.with_errors:
        least = logged_passes(scores)
        most = sum(
            int(np.isfinite(part).sum())
            for s in scores
            for part in (s.errors, s.unconditional_errors)
            if part is not None
        )
    for what, count, low, high in (
        ("pictures", found.pictures, 1, images),
        ("texts", found.texts, 1, texts),
        ("passes", found.passes, least, most),
    ):
        if not low <= count <= high:
            yield "cost", f"operations.{what} is {count}, expected {low} to {high}"
    if bool(found.passes) != bool(found.pass_flops or found.varying_flops):
        yield "cost", "operations.passes and pass_flops belong together: one of them is 0"


def origin(subject: Subject) -> Iterator[Finding]:
    """When and with what it ran, as far as that can be judged."""
    record = subject.record
    try:
        created = datetime.fromisoformat(record.created)
    except ValueError:
        yield "created", f"{shown(record.created)} is not a time in ISO 8601"
        return
    # pages show the first ten characters as the day: no week, and no digits without hyphens
    if created.isoformat()[:19] != record.created[:19]:
        yield "created", f"{shown(record.created)} is not like 2026-01-31T12:00:00+00:00"
    elif created.tzinfo is None:
        yield "created", f"{shown(record.created)} has no time zone, expected UTC"
    elif created.utcoffset() != timedelta():
        yield "created", f"{shown(record.created)} is not in UTC"
    elif not FIRST <= created <= last():
        yield "created", f"{shown(record.created)} is before 2023 or in the future"
    yield from setting_checks.card(record)
    yield from setting_checks.environment(record)
    yield from setting_checks.settings(record)
    yield from setting_checks.stopping(record)


ALL: tuple[Callable[[Subject], Iterator[Finding]], ...] = (
    task_of,
    items,
    hashes,
    truncation,
    errors,
    stops,
    metrics,
    signatures,
    cost,
    operations,
    origin,
)
