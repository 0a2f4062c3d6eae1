"""Whether a stopping rule would have stopped items where a log says that it did.

The rule is asked again, with the errors of the log alone. Where it goes on and the log does not, or
the other way round, somebody chose where to stop.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gdbench.protocol import Label, Query, Scores
from gdbench.records import ModelSettings


def evaluated(
    scores: Scores, label: Label, settings: ModelSettings, ranks: tuple[int, ...]
) -> NDArray[np.int64]:
    """How many timesteps of each pair the rule of the settings evaluates, (n_images, n_texts).

    Where it asks for what the log does not have, the numbers are larger than those of the log, and
    no more is known. Raises ValueError without errors, timesteps, or a rule with its delta.
    """
    from gdbench.models.diffusion_itm.adapter import STOPPING
    from gdbench.models.diffusion_itm.racing import RacePlan

    errors, base, steps = scores.errors, scores.unconditional_errors, settings.timesteps
    if errors is None or steps is None or settings.stop is None or settings.delta is None:
        msg = "a replay needs errors, timesteps and a stopping rule with its delta"
        raise ValueError(msg)
    full = np.full(errors.shape[:2], len(steps))
    if label.query is Query.ASSOCIATION:
        return full
    # a picture or a caption that an item has twice is one candidate
    images, image_of = _once(errors)
    texts, text_of = _once(errors.swapaxes(0, 1))
    padded = _padded(errors[np.ix_(images, texts)], len(steps))
    shared = (
        []
        if base is None
        else [SimpleNamespace(values=_padded(base[image], len(steps))) for image in images]
    )
    job: Any = SimpleNamespace(errors=padded, shared=shared)
    plan = RacePlan(
        STOPPING[settings.stop],
        label.query,
        len(steps),
        delta=settings.delta,
        ranks=settings.stop_ranks or ranks,
        normalise=bool(settings.normalise),
        squared=settings.norm == "mse",
    )
    found = np.zeros((len(images), len(texts)), np.int64)
    while (asked := plan.next_block(job)) is not None:
        block, alive = asked
        found[alive] = block.stop
        if np.isnan(padded[alive][:, : block.stop]).any():
            break
    return found[np.ix_(image_of, text_of)]


def _padded(errors: NDArray[np.float32], n: int) -> NDArray[np.float32]:
    """The first n timesteps (…, n), NaN where there are fewer."""
    found = np.full((*errors.shape[:-1], n), np.nan, np.float32)
    found[..., : errors.shape[-1]] = errors[..., :n]
    return found


def _once(rows: NDArray[np.float32]) -> tuple[list[int], list[int]]:
    """Where each different row is first, and for each row which of these it is."""
    keys = [row.tobytes() for row in rows]
    different = list(dict.fromkeys(keys))
    return [keys.index(key) for key in different], [different.index(key) for key in keys]
