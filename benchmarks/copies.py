"""Copies that change a memory format, kernels, and memory of Stable Diffusion 2.1's U-Net.

    python -m benchmarks.copies [--batch 64] [--texts 2]

Counted with fake tensors on a GPU that need not be there, with the weights in channels_last as on
CUDA in half precision: shapes and strides without numbers, so the counts are exact and say nothing
about time. Attention is one kernel on CUDA and many here, and is left out.
"""

from __future__ import annotations

import argparse
from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn import functional
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks import sd21
from benchmarks.device_bytes import PeakBytes
from gdbench.models.diffusion_itm.families.channels_last import keep_channels_last
from gdbench.models.diffusion_itm.stem import StemUNet


class OneKernelAttention(TorchFunctionMode):
    """Attention as CUDA's kernels give it: one result, of its queries' memory format."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Run one function."""
        if func is functional.scaled_dot_product_attention:
            return torch.empty_like(args[0])
        return func(*args, **(kwargs or {}))


class Copies(TorchDispatchMode):  # type: ignore[no-untyped-call] # torch's own
    """Counts operations that write a tensor, and bytes that change their memory format."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # torch's own
        self.kernels = self.to_plain = self.to_channels_last = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Run and count one operation."""
        out = func(*args, **(kwargs or {}))
        given = args[0] if args and isinstance(args[0], Tensor) else None
        # the device of a fake tensor is an operation too
        if given is None or not isinstance(out, Tensor | tuple) or func.is_view:
            return out
        self.kernels += 1
        size = given.numel() * given.element_size()
        if func is torch.ops.aten.clone.default and _is_channels_last(given):
            self.to_plain += 0 if _is_channels_last(out) else size  # type: ignore[arg-type] # one tensor
        # a convolution turns its input to its weights' format before anything else
        if func is torch.ops.aten.convolution.default and _is_channels_last(args[1]):
            self.to_channels_last += 0 if _is_channels_last(given) else size
        return out

    @property
    def turned(self) -> tuple[int, int]:
        """Bytes into the plain format, and into channels_last."""
        return self.to_plain, self.to_channels_last


def _is_channels_last(tensor: Tensor) -> bool:
    # a tensor of one row or one pixel may be both
    last = tensor.dim() == 4 and tensor.is_contiguous(memory_format=torch.channels_last)
    return last and not tensor.is_contiguous()


def unet_of_sd21() -> Any:  # a diffusers network
    """The network of Stable Diffusion 2.1 with weights as on CUDA; within a `FakeTensorMode`."""
    with torch.device("cuda"):
        unet = sd21.unet()
    # `Module.to` cannot swap fake weights
    for module in unet.modules():
        for name, weight in module._parameters.items():  # noqa: SLF001 # no public way to replace one
            if weight is not None:
                half = weight.detach().half()
                # a convolution's
                if half.dim() == 4:
                    half = half.to(memory_format=torch.channels_last)
                module._parameters[name] = torch.nn.Parameter(half, requires_grad=False)  # noqa: SLF001 # as above
    return unet.eval()


def _run(network: StemUNet, batch: int, texts: int, counted: TorchDispatchMode) -> None:
    images = -(-batch // texts)
    with torch.device("cuda"):
        x = torch.zeros(images, 4, 64, 64, dtype=torch.float16)
        prompts = torch.zeros(batch, 77, 1024, dtype=torch.float16)
        times, owner = torch.zeros(images), torch.arange(batch) // texts
    with torch.no_grad(), OneKernelAttention(), counted:
        network(x.to(memory_format=torch.channels_last), times, prompts, owner)


def copies_of(network: StemUNet, batch: int, texts: int) -> Copies:
    """What one batch of so many prompts does, with so many for each noised image."""
    counted = Copies()
    _run(network, batch, texts, counted)
    return counted


def peak_of(network: StemUNet, batch: int, texts: int) -> int:
    """The most bytes that one such batch has alive, beside weights and what it is given."""
    counted = PeakBytes(network.parameters())
    _run(network, batch, texts, counted)
    return counted.peak


def main() -> None:
    """Count and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=64, help="prompts in a batch")
    parser.add_argument("--texts", type=int, default=2, help="prompts for each noised image")
    options = parser.parse_args()
    print(
        f"{'':<34}{'kernels':>8}{'to plain':>12}{'to channels_last':>20}{'alive':>8}  MiB a prompt"
    )
    with FakeTensorMode():
        unet = unet_of_sd21()
        for kept in (False, True):
            if kept:
                keep_channels_last(unet)
            for group in (4, 8, 16, 32):
                found = copies_of(StemUNet(unet, group), options.batch, options.texts)
                name = f"{'views' if kept else 'copies'}, stem in groups of {group}"
                plain, last = (n / options.batch / 2**20 for n in found.turned)
                alive = peak_of(StemUNet(unet, group), options.batch, options.texts)
                each = alive / options.batch / 2**20
                print(f"{name:<34}{found.kernels:>8}{plain:>12.1f}{last:>20.1f}{each:>8.1f}")


if __name__ == "__main__":
    main()
