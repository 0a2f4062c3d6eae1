"""Give the U-Net's attention something to tell places by.

A diffusers U-Net has no position embedding: it can know where it is from the zero padding of its
convolutions alone. At 8x8 and 4x4 latents that signal is so weak at first that "left" and "top"
are never learned. So one hidden channel of every residual block starts as a constant, and four
kernels turn its padded border into marks of the left, right, top and bottom edge.
"""

from __future__ import annotations

import torch
from diffusers import UNet2DConditionModel
from diffusers.models.resnet import ResnetBlock2D
from torch.nn import functional

_TAPS = ((1, 0), (1, 2), (0, 1), (2, 1))  # row and column of the kernel: left, right, up, down


@torch.no_grad()
def mark_borders(unet: UNet2DConditionModel, strength: float = 2.0, level: float = 3.0) -> None:
    """Overwrite the least used hidden channel of every residual block, in place.

    Away from the borders nothing is added; at a border one output channel falls by `strength`.
    """
    for block in unet.modules():
        if not isinstance(block, ResnetBlock2D):
            continue
        weight, bias = block.conv2.weight, block.conv2.bias
        hidden = int(weight.flatten(2).norm(dim=2).norm(dim=0).argmin())
        block.norm2.weight[hidden] = 0.0
        block.norm2.bias[hidden] = level
        weight[:, hidden] = 0.0
        constant = float(functional.silu(torch.tensor(level)))
        for place, (row, column) in enumerate(_TAPS):
            channel = place * weight.shape[0] // len(_TAPS)
            weight[channel, hidden, row, column] = strength / constant
            bias[channel] -= strength
