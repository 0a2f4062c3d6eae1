"""What of a transformer's pass depends on the caption alone, or on the picture alone.

    python -m benchmarks.shared_work

The first could be computed once for all pictures and timesteps, the second once for all captions.
Networks of diffusers in their published sizes without weights (meta tensors), at 512 pixels with
the text lengths of their pipelines; floating-point operations by torch's counter. In families that
attend to picture and caption jointly, hardly anything: from the first block on every token depends
on everything. Where the caption comes in by cross-attention, its keys and values in all blocks
depend on it alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from diffusers import (
    FluxTransformer2DModel,
    PixArtTransformer2DModel,
    SanaTransformer2DModel,
    SD3Transformer2DModel,
)
from rich.console import Console
from rich.table import Table
from torch.utils.flop_counter import FlopCounterMode

Names = tuple[str, ...]  # how the names of modules end
KEYS_AND_VALUES = ("attn2.to_k", "attn2.to_v")


@dataclass(frozen=True)
class Family:
    """A network, a pass of it, and its modules that see one side alone."""

    name: str
    make: Callable[[], Any]
    call: Callable[[Any], Any]
    of_text: Names
    of_image: Names


def _pixart(net: Any) -> Any:
    return net(
        torch.empty(1, 4, 64, 64), encoder_hidden_states=torch.empty(1, 300, 4096),
        timestep=torch.empty(1), added_cond_kwargs=None,
    )  # fmt: skip


def _sd3(net: Any) -> Any:
    text, pooled = net.config.joint_attention_dim, net.config.pooled_projection_dim
    return net(
        torch.empty(1, 16, 64, 64), torch.empty(1, 333, text), torch.empty(1, pooled),
        torch.empty(1),
    )  # fmt: skip


def _flux(net: Any) -> Any:
    return net(
        torch.empty(1, 1024, 64), torch.empty(1, 512, 4096), torch.empty(1, 768), torch.empty(1),
        torch.empty(1024, 3), torch.empty(512, 3), torch.empty(1),
    )  # fmt: skip


def _sana(net: Any) -> Any:
    text = net.config.caption_channels
    return net(torch.empty(1, 32, 16, 16), torch.empty(1, 300, text), torch.empty(1))


FAMILIES = (
    Family(
        "PixArt-alpha (cross-attention, 300 tokens)",
        lambda: PixArtTransformer2DModel(
            sample_size=64, use_additional_conditions=False, caption_channels=4096
        ),
        _pixart, ("caption_projection", *KEYS_AND_VALUES), ("pos_embed",),
    ),
    Family(
        "Sana (cross-attention, 300 tokens, 256 of the picture)",
        SanaTransformer2DModel, _sana, ("caption_projection", *KEYS_AND_VALUES), ("patch_embed",),
    ),
    Family(
        "Stable Diffusion 3 (joint, 333 tokens)",
        SD3Transformer2DModel, _sd3, ("context_embedder",), ("pos_embed",),
    ),
    Family(
        "FLUX.1 (joint, 512 tokens)",
        lambda: FluxTransformer2DModel(guidance_embeds=True),
        _flux, ("context_embedder",), ("x_embedder",),
    ),
)  # fmt: skip


def shares(family: Family) -> tuple[float, float, float]:
    """Operations of a pass, and the shares of those of the caption and of the picture alone."""
    with torch.device("meta"), torch.no_grad():
        net = family.make()
        counter = FlopCounterMode(display=False)
        with counter:
            family.call(net)
    total = counter.get_total_flops()

    def of(names: Names) -> float:
        parts = counter.get_flop_counts().items()
        return sum(sum(ops.values()) for name, ops in parts if name.endswith(names)) / total

    return total, of(family.of_text), of(family.of_image)


def main() -> None:
    """Print the table."""
    table = Table(
        "family", "GFLOP a pass", "of the caption alone", "of the picture alone", box=None
    )
    for family in FAMILIES:
        total, text, image = shares(family)
        table.add_row(
            family.name, f"{total / 1e9:,.0f}", f"{100 * text:.1f} %", f"{100 * image:.2f} %"
        )
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
