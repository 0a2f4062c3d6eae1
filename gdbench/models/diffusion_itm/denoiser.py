"""The one seam between the engine and a diffusion model: the error of its prediction.

Whatever a network predicts, the error is expressed as that of the noise (epsilon), in closed
form, so that errors of different parameterisations have one meaning: a v- or flow-prediction
network that was converted from an epsilon-prediction network gives the same errors as that one.
The process is x_t = a z + s e with latent z and noise e.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

import torch
from torch import Tensor

Prediction = Literal["epsilon", "v_prediction", "flow"]
Network = Callable[[Tensor, Tensor, Tensor, Tensor | None], Tensor]
"""(x_t (U, C, H, W), times (U,), prompts (B, L, D), owner (B,) or None) -> (B, C, H, W)."""


class Denoiser(Protocol):
    """Prediction errors of one network."""

    prediction: Prediction

    def errors(
        self,
        latents: Tensor,
        noise: Tensor,
        timesteps: Tensor,
        prompts: Tensor,
        owner: Tensor | None = None,
    ) -> Tensor:
        """L2 norms over all elements of the error in the noise, shape (B,), float32.

        `latents` and `noise` have shape (U, C, H, W) in float32, `timesteps` (U,) integer in
        0..999, `prompts` (B, L, D). `owner` (B,) says which of the U noised images belongs to
        which prompt (None: U = B, one each), so that work that is the same for every text of an
        image can be shared.
        """


def _norm(residual: Tensor) -> Tensor:
    norms: Tensor = torch.linalg.vector_norm(residual.flatten(1), dim=1)
    return norms


def _per_sample(coefficient: Tensor) -> Tensor:
    return coefficient[:, None, None, None]


class _VariancePreserving:
    """a_t = sqrt(abar_t), s_t = sqrt(1 - abar_t) (Ho et al. 2020, equation 4)."""

    def __init__(self, network: Network, alphas_cumprod: Tensor, dtype: torch.dtype) -> None:
        self.network, self.dtype = network, dtype
        self.signal = alphas_cumprod.float().sqrt()
        self.spread = (1.0 - alphas_cumprod.float()).sqrt()

    def _predict(
        self, x: Tensor, timesteps: Tensor, prompts: Tensor, owner: Tensor | None
    ) -> Tensor:
        # residuals in float32 whatever the network runs in
        return self.network(x.to(self.dtype), timesteps, prompts.to(self.dtype), owner).float()

    def _coefficients(self, timesteps: Tensor) -> tuple[Tensor, Tensor]:
        return _per_sample(self.signal[timesteps]), _per_sample(self.spread[timesteps])


class EpsilonDenoiser(_VariancePreserving):
    """The network predicts the noise e."""

    prediction: Prediction = "epsilon"

    def errors(
        self,
        latents: Tensor,
        noise: Tensor,
        timesteps: Tensor,
        prompts: Tensor,
        owner: Tensor | None = None,
    ) -> Tensor:
        """|| e - e' || for the predicted noise e'; see `Denoiser`."""
        a, s = self._coefficients(timesteps)
        predicted = self._predict(a * latents + s * noise, timesteps, prompts, owner)
        target = noise if owner is None else noise[owner]
        return _norm(target - predicted)


class VelocityDenoiser(_VariancePreserving):
    """The network predicts v = a e - s z (Salimans and Ho 2022, appendix D).

    e = a v + s x_t, so the error in the noise is exactly a_t || v - v' ||.
    """

    prediction: Prediction = "v_prediction"

    def errors(
        self,
        latents: Tensor,
        noise: Tensor,
        timesteps: Tensor,
        prompts: Tensor,
        owner: Tensor | None = None,
    ) -> Tensor:
        """a_t || v - v' || for the predicted velocity v'; see `Denoiser`."""
        a, s = self._coefficients(timesteps)
        predicted = self._predict(a * latents + s * noise, timesteps, prompts, owner)
        target, scale = a * noise - s * latents, self.signal[timesteps]
        if owner is not None:
            target, scale = target[owner], scale[owner]
        return scale * _norm(target - predicted)


class FlowDenoiser:
    """The network predicts u = e - z on the straight path x = (1 - w) z + w e (Lipman et al. 2023).

    e = x + (1 - w) u, so the error in the noise is exactly (1 - w) || u - u' ||. The noise level w
    of timestep t is t / 1000, moved by the scheduler's `shift` (Esser et al. 2024, section 5.3.2);
    the network is given 1000 w, as in diffusers' FlowMatchEulerDiscreteScheduler.
    """

    prediction: Prediction = "flow"

    def __init__(self, network: Network, shift: float, dtype: torch.dtype) -> None:
        self.network, self.shift, self.dtype = network, shift, dtype

    def errors(
        self,
        latents: Tensor,
        noise: Tensor,
        timesteps: Tensor,
        prompts: Tensor,
        owner: Tensor | None = None,
    ) -> Tensor:
        """(1 - w) || u - u' || for the predicted flow u'; see `Denoiser`."""
        plain = timesteps.float() / 1000.0
        level = self.shift * plain / (1.0 + (self.shift - 1.0) * plain)
        w = _per_sample(level)
        x = (1.0 - w) * latents + w * noise
        predicted = self.network(
            x.to(self.dtype), 1000.0 * level, prompts.to(self.dtype), owner
        ).float()
        target, scale = noise - latents, 1.0 - level
        if owner is not None:
            target, scale = target[owner], scale[owner]
        return scale * _norm(target - predicted)


def denoiser_of(
    prediction: Prediction,
    network: Network,
    alphas_cumprod: Tensor | None,
    shift: float,
    dtype: torch.dtype,
) -> Denoiser:
    """What turns a network's prediction into an error of the noise.

    `alphas_cumprod` (1000,) is None for flow matching, `shift` is that of its noise levels.
    """
    if prediction == "flow" or alphas_cumprod is None:
        return FlowDenoiser(network, shift, dtype)
    kind = EpsilonDenoiser if prediction == "epsilon" else VelocityDenoiser
    return kind(network, alphas_cumprod, dtype)
