"""A network's weights in the memory format of its device, and kept there through its transformers.

diffusers' `Transformer2DModel` calls `.contiguous()` on what it has computed, which is a copy into
the plain format, and each convolution behind it copies back. In Stable Diffusion 2.1's U-Net that
is 22 and 48 MiB a prompt in half precision (`python -m benchmarks.copies`).
"""

from __future__ import annotations

from types import MethodType
from typing import Any

import torch
from diffusers.models.transformers.transformer_2d import Transformer2DModel
from torch import Tensor

from gdbench.models.devices import default_memory_format


def placed(network: Any, device: torch.device, dtype: torch.dtype) -> Any:  # a diffusers network
    """The network on a device, in the memory format that its convolutions run fastest in there."""
    memory_format = default_memory_format(device, dtype)
    if memory_format is torch.channels_last:
        keep_channels_last(network)
    return network.to(device, memory_format=memory_format)


def keep_channels_last(network: Any) -> None:  # a diffusers network
    """Let the transformers between a network's convolutions hand on views where they made copies.

    The numbers are those of `Transformer2DModel._get_output_for_continuous_inputs`.
    """
    for module in network.modules():
        if isinstance(module, Transformer2DModel):
            method = MethodType(_output, module)
            module._get_output_for_continuous_inputs = method  # noqa: SLF001 # no public name for it


def _output(
    transformer: Transformer2DModel,
    hidden_states: Tensor,
    residual: Tensor,
    batch_size: int,
    height: int,
    width: int,
    inner_dim: int,
) -> Tensor:
    linear = transformer.use_linear_projection
    tokens = transformer.proj_out(hidden_states) if linear else hidden_states
    image = tokens.reshape(batch_size, height, width, inner_dim).permute(0, 3, 1, 2)
    out: Tensor = (image if linear else transformer.proj_out(image)) + residual
    return out
