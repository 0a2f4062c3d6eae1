"""From per-timestep errors to a score matrix (DiffusionITM; Krojer et al. 2023, section 3).

sigma(image, text) = -mean_t(e(image, text, t) - e(image, "", t)) with e the L2 norm of the
prediction error ("l2", as in the 2023 release) or its mean square ("mse"). The subtracted term
is the same for every text of an image, so one matrix serves both directions of retrieval.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gdbench.metrics.prefixes import fill_dropped
from gdbench.records import Norm


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
    cut = slice(None) if samples is None else slice(samples)
    conditional = errors[..., cut].astype(np.float64)
    if norm == "mse":
        conditional = conditional**2 / latent_size
    if normalise and unconditional is None and len(errors) > 1:
        raise ValueError("normalised scores of several images need the unconditional errors")
    if normalise and unconditional is not None:
        base = unconditional[:, None, cut].astype(np.float64)
        conditional = conditional - (base**2 / latent_size if norm == "mse" else base)
    if np.isnan(conditional).any():
        flat = conditional.reshape(-1, conditional.shape[-1])
        chosen = None if weights is None else weights[cut]
        conditional = fill_dropped(flat, chosen).reshape(conditional.shape)
    known = ~np.isnan(conditional)
    weight = known * (1.0 if weights is None else weights[cut])
    total = np.where(known, conditional, 0.0) * weight
    mean: NDArray[np.float64] = total.sum(axis=-1) / weight.sum(axis=-1)
    return (-mean).astype(np.float32)
