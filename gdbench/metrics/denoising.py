"""From per-timestep errors to a score matrix (DiffusionITM; Krojer et al. 2023, section 3).

sigma(image, text) = -mean_t(e(image, text, t) - e(image, "", t)) with e the L2 norm of the
prediction error ("l2", as in the 2023 release) or its mean square ("mse"). The subtracted term
is the same for every text of an image, so one matrix serves both directions of retrieval.

This is the only place where the formula stands: models, stopping rules, resampling, verification
and the site ask here.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from gdbench.metrics.prefixes import fill_dropped
from gdbench.records import ModelSettings, Norm

_UNIFORM = (None, "uniform", "none")


def is_weighted(settings: ModelSettings | None) -> bool:
    """Whether timesteps are weighted, so that scores do not follow from the errors alone."""
    return settings is not None and settings.weighting not in _UNIFORM


def terms(
    errors: NDArray[np.float32],
    unconditional: NDArray[np.float32] | None,
    *,
    norm: Norm = "l2",
    latent_size: int = 1,
) -> NDArray[np.float64]:
    """What is averaged over the timesteps: shape (n_images, n_texts, n_timesteps), lower = better.

    `errors` has that shape too, `unconditional` (None: nothing is subtracted) at least
    (n_images, n_timesteps). A `latent_size` of 1 gives "mse" times the number of latent elements,
    which changes no order.
    """
    conditional = errors.astype(np.float64)
    if norm == "mse":
        conditional = conditional**2 / latent_size
    if unconditional is None:
        return conditional
    base = unconditional[:, None, : errors.shape[-1]].astype(np.float64)
    return conditional - (base**2 / latent_size if norm == "mse" else base)


def score_matrix(
    errors: NDArray[np.float32],
    unconditional: NDArray[np.float32] | None,
    *,
    norm: Norm = "l2",
    normalise: bool = True,
    latent_size: int = 1,
    samples: int | None = None,
    weights: NDArray[np.float64] | None = None,
) -> NDArray[np.float32]:
    """Scores of shape (n_images, n_texts) from L2 norms of shape (n_images, n_texts, n_timesteps).

    `unconditional` has shape (n_images, n_timesteps) and is needed where `normalise` and there is
    more than one image (for one it would move all scores alike). NaN marks
    timesteps that a sequential rule skipped; pairs that were dropped earlier than others are
    compared over what they have in common (see `gdbench.metrics.prefixes`). `samples` uses only
    the first timesteps of the log, `weights` (n_timesteps,) weighs them. `latent_size` is the
    number of latent elements, by which "mse" divides the squared norm. Means are in float64, the
    scores are float32: what is logged is what is measured. Raises ValueError without
    `unconditional` where it is needed.
    """
    if normalise and unconditional is None and len(errors) > 1:
        raise ValueError("normalised scores of several images need the unconditional errors")
    cut = slice(None) if samples is None else slice(samples)
    base = unconditional if normalise else None
    values = terms(errors[..., cut], base, norm=norm, latent_size=latent_size)
    if np.isnan(values).any():
        flat = values.reshape(-1, values.shape[-1])
        values = fill_dropped(flat, None if weights is None else weights[cut]).reshape(values.shape)
    known = ~np.isnan(values)
    weight = known * (1.0 if weights is None else weights[cut])
    total = np.where(known, values, 0.0) * weight
    mean: NDArray[np.float64] = total.sum(axis=-1) / weight.sum(axis=-1)
    return (-mean).astype(np.float32)


def matrix_of(
    errors: NDArray[np.float32],
    unconditional: NDArray[np.float32] | None,
    settings: ModelSettings,
    *,
    samples: int | None = None,
) -> NDArray[np.float32]:
    """The scores that a record's settings make of errors; shapes as for `score_matrix`.

    Raises ValueError where the settings weigh timesteps (a record does not say with which
    weights), or where unconditional errors are needed and missing.
    """
    if is_weighted(settings):
        msg = f"the weights of {settings.weighting!r} are not recorded"
        raise ValueError(msg)
    return score_matrix(
        errors,
        unconditional,
        norm=settings.norm or "l2",
        normalise=bool(settings.normalise),
        latent_size=latent_size(settings),
        samples=samples,
    )


def latent_size(settings: ModelSettings) -> int:
    """Number of latent elements; 1 where the record does not say."""
    return math.prod(settings.latent_shape or (1,))
