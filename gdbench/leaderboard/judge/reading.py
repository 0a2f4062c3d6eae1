"""What is taken from verified scores.

Records alone make the whole board; where the score files are there and the items of the suite can
be had without published data (the mini suite), ranks rest on paired tests instead of intervals.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from gdbench.leaderboard.gather.entries import Entry
from gdbench.leaderboard.gather.verified import Checked
from gdbench.leaderboard.judge.error_gap import error_gap
from gdbench.leaderboard.judged.reading import Curve, ItemScores, Reading
from gdbench.leaderboard.judged.trust import LOCAL, Trust
from gdbench.metrics.denoising import is_weighted, matrix_of, terms
from gdbench.metrics.estimate import Estimate
from gdbench.metrics.intervals import share_interval
from gdbench.metrics.measures import means, merge, sample, tie_rule
from gdbench.numbers import SHARE
from gdbench.protocol import Scores
from gdbench.submissions.finished import Finished
from gdbench.submissions.layout import RECORD
from gdbench.submissions.levels import Level
from gdbench.submissions.logs import Logs
from gdbench.submissions.neighbours import Verified, together, without_copies
from gdbench.submissions.results import samples_of, score_of

_BINS = 16
_LARGEST = 999  # of a curve's whole numbers


def unread(entry: Entry, logs: Logs) -> Reading:
    """What is known of a result before its scores are read: whether the log speaks of them."""
    if not entry.place:
        return Reading(Trust(LOCAL))
    record = entry.record
    audit = logs.audit(entry.place, record.scores_sha256, record.task.n_items)
    return Reading(Trust((Level.REPORTED if audit is None else Level.AUDITED).value), audit=audit)


def read(
    found: Iterable[Checked], logs: Logs, exhibited: Collection[Path] = ()
) -> tuple[dict[Path, Reading], list[Verified]]:
    """What the pages need of each entry, by the record's file, and what is known of submissions.

    Copies of one another are known; names were not looked at (`trusted`).

    Args:
        found: the entries with their scores; of each all is taken before the next one comes.
        logs: the public logs of the folder of submissions.
        exhibited: the records' files whose answers example pages show.
    """
    readings: dict[Path, Reading] = {}
    alone: list[Verified] = []
    for checked in found:
        file = checked.entry.file
        readings[file] = _reading(checked, logs, answers=file in exhibited)
        alone += [] if checked.verified is None else [checked.verified]
    return readings, [replace(v, fingerprint=None) for v in without_copies(alone)]


def trusted(
    readings: Mapping[Path, Reading], submissions: Sequence[Verified]
) -> dict[Path, Reading]:
    """The readings with the level of each submission among all others."""
    found = dict(readings)
    for v in together(submissions).submissions:
        file = v.place.folder / RECORD
        found[file] = replace(found[file], trust=Trust(v.level.value, v.reason))
    return found


def _reading(checked: Checked, logs: Logs, *, answers: bool) -> Reading:
    found = unread(checked.entry, logs)
    finished = checked.finished
    if finished is None:
        return found
    matrices = [s.matrix for s in finished.scores]
    samples = samples_of(finished.task, finished.labels, matrices)
    timesteps = finished.record.settings.timesteps
    kept = None
    if answers:
        kept = {s.item_id: ItemScores(s.matrix, curve(s, timesteps)) for s in finished.scores}
    return replace(
        found,
        samples=samples,
        score=score_of(finished.task, samples),
        budget=tuple(budget_curve(finished)),
        error_gap=error_gap(finished),
        answers=kept,
    )


def budgets(n: int) -> list[int]:
    """1, 2, 5, 10, … up to n, and n."""
    steps = [m * 10**p for p in range(6) for m in (1, 2, 5)]
    return [*(s for s in steps if s < n), n]


def budget_curve(finished: Finished) -> list[tuple[int, Estimate]]:
    """The task's score for the first k timesteps of the log; empty where that says nothing.

    Only where any first timesteps are a sample of all (nested or uniform): the first k of a grid
    are its least noisy ones, not a smaller grid.
    """
    settings, task = finished.record.settings, finished.task
    if settings.norm is None or settings.stops_early or is_weighted(settings):
        return []
    if settings.schedule not in ("nested", "uniform"):
        return []
    if finished.file is None or not finished.file.with_errors:
        return []
    measures = [m for m in means(task.measures) if m.name in task.primary]
    rule = tie_rule(finished.record.task.compat)
    points = []
    for k in budgets(len(settings.timesteps or ())):
        matrices = [
            matrix_of(s.errors, s.unconditional_errors, settings, samples=k)
            for s in finished.scores
            if s.errors is not None
        ]
        found = {m.name: sample(m, finished.labels, matrices) for m in measures}
        known = {name: s for name, s in found.items() if s is not None}
        if len(known) < len(measures) or not known:
            return []
        merged = merge(known)
        values = merged.values(rule)
        ends = share_interval(merged, values) if task.score_unit == SHARE else None
        low, high = (None, None) if ends is None else (ends.low, ends.high)
        points.append((k, Estimate(merged.mean(values), low, high)))
    return points


def curve(scores: Scores, timesteps: Sequence[int] | None) -> Curve | None:
    """Errors of one item by timestep for drawing, less their mean over the candidates.

    Timesteps are averaged in at most 16 groups. For several images the unconditional error is
    taken off first, as in the score. None without errors, or where a sequential rule stopped
    early: there is no full curve.
    """
    if scores.errors is None or not timesteps:
        return None
    base = scores.unconditional_errors if len(scores.errors) > 1 else None
    errors = terms(scores.errors, base)
    steps = np.array(timesteps[: errors.shape[-1]])
    order = np.argsort(steps, kind="stable")
    flat = errors.reshape(-1, errors.shape[-1])[:, order]
    if np.isnan(flat).any():
        return None
    flat = flat - flat.mean(axis=0)
    groups = np.array_split(np.arange(len(steps)), min(_BINS, len(steps)))
    by_group = np.stack([flat[:, g].mean(axis=1) for g in groups], axis=1)
    unit = max(float(np.abs(by_group).max()) / _LARGEST, 1e-9)
    return Curve(
        tuple(round(float(steps[order][g].mean())) for g in groups),
        tuple(map(tuple, np.rint(by_group / unit).astype(int).tolist())),
        unit,
    )
