"""The loss of HardNeg-DiffusionITM (Krojer et al. 2023, section 4).

    L = L_pos + clip(-L_neg, [-lambda L_pos, lambda L_pos])

L_pos is the denoising error of an image under its caption, L_neg that of a mismatched pair with
the same noise and timestep. Pushing L_neg up without a bound would ruin the model, so a negative
counts only while it is denoised no worse than lambda times the positive.

The bound must not carry a gradient. Where L_neg > lambda L_pos the clipped term equals
-lambda L_pos; with lambda = 1 its gradient would cancel that of L_pos, and no pair that the model
already tells apart would teach it anything about denoising.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from torch import Tensor

Clip = Literal["example", "batch"]
CLIPS: tuple[Clip, ...] = ("example", "batch")


class Loss(NamedTuple):
    """The loss to be minimised, and the share of negatives that the bound took out."""

    value: Tensor  # scalar
    clipped: Tensor  # scalar in 0..1, without gradient


def hard_negative_loss(
    positive: Tensor, negative: Tensor | None, *, bound: float = 1.0, clip: Clip = "example"
) -> Loss:
    """The loss of a batch, averaged over its examples.

    Args:
        positive: L_pos of every example, shape (B,), not negative.
        negative: L_neg of every example, shape (B,); None trains without negatives.
        bound: lambda.
        clip: "example" bounds every example by its own L_pos. "batch" bounds the mean over the
            batch from above, as the 2023 release does.
    """
    if negative is None:
        return Loss(positive.mean(), positive.detach().new_zeros(()))
    if clip == "batch":
        limit = bound * positive.detach().mean()
        mean = negative.mean()
        return Loss(positive.mean() - mean.clamp(max=limit), (mean.detach() > limit).float())
    limits = bound * positive.detach()
    pushed = (-negative).clamp(min=-limits, max=limits)
    return Loss((positive + pushed).mean(), (negative.detach() > limits).float().mean())
