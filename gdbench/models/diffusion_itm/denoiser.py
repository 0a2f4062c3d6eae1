"""From a network's prediction to the error of the noise, whatever the network predicts.

The error is expressed as that of the noise (epsilon), in closed form, so that errors of different
parameterisations have one meaning: a v- or flow-prediction network that was converted from an
epsilon-prediction network gives the same errors as that one. The process is x_t = a z + s e with
latent z and noise e.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import Tensor

from gdbench.models.diffusion_itm.conditioning import Conditions

Prediction = Literal["epsilon", "v_prediction", "flow"]


class Network(Protocol):
    """A prediction for noised latents under texts; see `families.base.Pipeline.predict`."""

    def __call__(
        self, x: Tensor, times: Tensor, conditions: Conditions, owner: Tensor | None = None
    ) -> Tensor:
        """Prediction (B, C, H, W) for x (U, C, H, W), times (U,), B texts and owner (B,)."""


@dataclass(frozen=True)
class VariancePreserving:
    """a_t = sqrt(abar_t), s_t = sqrt(1 - abar_t) (Ho et al. 2020, equation 4)."""

    alphas_cumprod: Tensor
    """abar_t of shape (1000,), float32."""
    prediction: Prediction


@dataclass(frozen=True)
class Flow:
    """The straight path x = (1 - w) z + w e (Lipman et al. 2023)."""

    levels: Tensor
    """Noise level w in 0..1 of each timestep 0..999, shape (1000,), float32."""
    prediction: Prediction = "flow"


Noising = VariancePreserving | Flow


class Denoiser:
    """Prediction errors of one network."""

    def __init__(self, noising: Noising, network: Network, dtype: torch.dtype) -> None:
        self.noising, self.network, self.dtype = noising, network, dtype
        self.prediction: Prediction = noising.prediction
        if isinstance(noising, Flow):
            self.spread = noising.levels.float()
            self.signal = 1.0 - self.spread
        else:
            self.signal = noising.alphas_cumprod.float().sqrt()
            self.spread = (1.0 - noising.alphas_cumprod.float()).sqrt()

    def noised(self, latents: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """x_t of shape (U, C, H, W), float32."""
        a, s = self.signal[timesteps], self.spread[timesteps]
        return _per_sample(a) * latents + _per_sample(s) * noise

    def times(self, timesteps: Tensor) -> Tensor:
        """What the network is told: the timestep, or the noise level w of a flow."""
        return self.spread[timesteps] if self.prediction == "flow" else timesteps

    def target(self, latents: Tensor, noise: Tensor, timesteps: Tensor) -> tuple[Tensor, Tensor]:
        """What the network should predict, and the factor that makes its error one of the noise.

        - epsilon: e, factor 1.
        - v_prediction: v = a e - s z (Salimans and Ho 2022, appendix D). e = a v + s x_t, so the
          error in the noise is exactly a || v - v' ||.
        - flow: u = e - z. e = x + (1 - w) u, so it is exactly (1 - w) || u - u' ||.
        """
        a, s = self.signal[timesteps], self.spread[timesteps]
        if self.prediction == "epsilon":
            return noise, torch.ones_like(a)
        if self.prediction == "flow":
            return noise - latents, a
        return _per_sample(a) * noise - _per_sample(s) * latents, a

    def errors(
        self,
        latents: Tensor,
        noise: Tensor,
        timesteps: Tensor,
        conditions: Conditions,
        owner: Tensor | None = None,
    ) -> Tensor:
        """L2 norms over all elements of the error in the noise, shape (B,), float32.

        `latents` and `noise` have shape (U, C, H, W) in float32, `timesteps` (U,) integer in
        0..999; `conditions` are those of B texts. `owner` (B,) says which of the U noised images
        belongs to which text (None: U = B, one each), so that work that is the same for every
        text of an image can be shared.
        """
        x = self.noised(latents, noise, timesteps).to(self.dtype)
        given = {
            name: tensor.to(self.dtype) if tensor.is_floating_point() else tensor
            for name, tensor in conditions.items()
        }
        # residuals in float32 whatever the network runs in
        predicted = self.network(x, self.times(timesteps), given, owner).float()
        target, scale = self.target(latents, noise, timesteps)
        if owner is not None:
            target, scale = target[owner], scale[owner]
        norms: Tensor = torch.linalg.vector_norm((target - predicted).flatten(1), dim=1)
        return scale * norms


def _per_sample(coefficient: Tensor) -> Tensor:
    return coefficient[:, None, None, None]
