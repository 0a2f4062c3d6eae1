"""What each timestep tells: by how much wrong candidates have a larger error than right ones."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from gdbench.metrics.denoising import terms
from gdbench.metrics.estimate import Estimate
from gdbench.metrics.intervals import FEWEST_CLUSTERS, LEVEL
from gdbench.metrics.spread import spread
from gdbench.protocol import Label, Query, Scores
from gdbench.submissions.finished import Finished

_GROUPS = 16  # of timesteps
Floats = NDArray[np.float64]


def error_gap(finished: Finished) -> tuple[tuple[int, Estimate], ...]:
    """The mean gap of each timestep with its interval over clusters of items, by timestep.

    An item's gap at a timestep is the mean error of its wrong candidates less that of its right
    ones, relative to the mean error of all of them, so that models with different latents can be
    compared; above 0 the timestep speaks for the right answer. In items of several pictures the
    error without a caption is taken off first, as in the score. Many timesteps are averaged in at
    most 16 groups of neighbours, (their mean, gap). Empty without errors, where a rule stopped
    early, and for tasks without right answers.
    """
    steps = np.array(finished.record.settings.timesteps or ())
    if finished.file is None or not finished.file.with_errors or not len(steps):
        return ()
    found = list(_gaps(finished))
    if not found or any(len(gap) != len(steps) or np.isnan(gap).any() for _, gap in found):
        return ()
    order = np.argsort(steps, kind="stable")
    gaps = np.stack([gap for _, gap in found])[:, order]
    clusters = np.unique([label.cluster for label, _ in found], return_inverse=True)[1]
    if clusters.max() + 1 < FEWEST_CLUSTERS:
        return ()
    groups = np.array_split(np.arange(len(steps)), min(_GROUPS, len(steps)))
    return tuple(
        (round(float(steps[order][group].mean())), _mean(gaps[:, group].mean(axis=1), clusters))
        for group in groups
    )


def _mean(values: Floats, clusters: NDArray[np.int64]) -> Estimate:
    """With the interval of Student's t."""
    found = spread(values, np.full(len(values), 1 / len(values)), clusters)
    half = float(stats.t.isf((1 - LEVEL) / 2, found.df)) * float(np.sqrt(found.variance))
    return Estimate(found.mean, found.mean - half, found.mean + half)


def _gaps(finished: Finished) -> Iterator[tuple[Label, Floats]]:
    """The gap (n_timesteps,) of each item that has right and wrong candidates."""
    for label, scores in zip(finished.labels, finished.scores, strict=True):
        right = _right(label, scores)
        if right is None or right.all() or scores.errors is None:
            continue
        base = scores.unconditional_errors if len(scores.errors) > 1 else None
        compared = terms(scores.errors, base)
        mean = scores.errors.astype(np.float64).mean(axis=(0, 1))
        gap = compared[~right].mean(axis=0) - compared[right].mean(axis=0)
        # without errors there is nothing to be relative to
        yield label, np.divide(gap, mean, out=np.full_like(gap, np.nan), where=mean > 0)


def _right(label: Label, scores: Scores) -> NDArray[np.bool_] | None:
    """Which pairs are right, shape (n_images, n_texts); None where none is."""
    right = np.zeros(scores.matrix.shape, dtype=bool)
    gold = list(label.gold)
    if label.query is Query.MATCHING:
        right[range(len(gold)), gold] = True
    elif label.query is Query.TEXT_RETRIEVAL:
        right[0, gold] = True
    elif label.query is Query.IMAGE_RETRIEVAL:
        right[gold, 0] = True
    return right if right.any() else None
