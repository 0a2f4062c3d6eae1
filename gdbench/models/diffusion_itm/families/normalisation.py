"""From a VAE's latents to those that a network was trained on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


def normalised(latents: Tensor, config: Mapping[str, Any]) -> Tensor:
    """Latents as the network was trained on them, from a VAE's configuration.

    With `latents_mean` and `latents_std`, one number for each channel (dimension 1), these and the
    scaling factor; otherwise shift and scaling factor.
    """
    scale = config.get("scaling_factor")
    mean, std = config.get("latents_mean"), config.get("latents_std")
    if mean is not None and std is not None:
        shape = (1, -1, *[1] * (latents.dim() - 2))
        middle = torch.tensor(mean, device=latents.device, dtype=latents.dtype).view(shape)
        spread = torch.tensor(std, device=latents.device, dtype=latents.dtype).view(shape)
        return (latents - middle) * (1.0 if scale is None else scale) / spread
    return (latents - (config.get("shift_factor") or 0.0)) * (1.0 if scale is None else scale)
