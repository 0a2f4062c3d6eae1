"""FLUX.1 dev and schnell: a transformer on packed latents under T5's tokens and CLIP's vector.

Sources: Black Forest Labs 2024; the layout is that of diffusers' FluxPipeline.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from gdbench.models.diffusion_itm.conditioning import Conditions
from gdbench.models.diffusion_itm.families.base import Pipeline
from gdbench.models.diffusion_itm.families.components import (
    SCHEDULER,
    diffusers_part,
    transformers_part,
)
from gdbench.models.diffusion_itm.families.fitting import Fit, channels
from gdbench.models.diffusion_itm.families.packing import SIDE, pack, unpack

_T5_TOKENS = 512


class Flux(Pipeline):
    """See `Pipeline`. dev is guidance-distilled: it is told a guidance value, and has no null."""

    name = "flux"
    layout = "the layout of FLUX.1"
    pipeline_class = "FluxPipeline"
    uses = frozenset({"guidance", "max_length"})
    default_guidance = 3.5
    patch = SIDE
    components = (
        diffusers_part("transformer", "FluxTransformer2DModel"),
        diffusers_part("vae", "AutoencoderKL"),
        transformers_part("text_encoder", "CLIPTextModel"),
        transformers_part("text_encoder_2", "T5EncoderModel"),
        transformers_part("tokenizer", "CLIPTokenizer"),
        transformers_part("tokenizer_2", "T5Tokenizer"),
        diffusers_part(SCHEDULER),
    )
    fits = (
        Fit(("text_encoder_2.d_model",), "transformer.joint_attention_dim"),
        Fit(
            ("text_encoder.hidden_size",),
            "transformer.pooled_projection_dim",
            what="numbers per text",
        ),
        *channels(times=SIDE**2),
    )

    def readers(self) -> Sequence[tuple[Any, int]]:
        """See `Pipeline`; CLIP's tokens do not reach the network one by one."""
        return [(self.modules["tokenizer_2"], self.settings.max_length or _T5_TOKENS)]

    def encode_texts(self, texts: Sequence[str]) -> Conditions:
        """T5's tokens and CLIP's pooled vector."""
        embeddings, pooled, _ = self.prompter.encode_prompt(
            prompt=list(texts), device=self.device, max_sequence_length=self.max_length
        )
        return {"embeddings": embeddings, "pooled": pooled}

    def predict(self, x: Tensor, times: Tensor, conditions: Conditions) -> Tensor:
        """See `Pipeline`; e - z, told w."""
        batch, _, height, width = x.shape
        embeddings = conditions["embeddings"]
        guidance = self.guidance()
        out: Tensor = self.network(
            hidden_states=pack(x),
            timestep=times.to(x.dtype),
            guidance=None if guidance is None else torch.full((batch,), guidance, device=x.device),
            pooled_projections=conditions["pooled"],
            encoder_hidden_states=embeddings,
            txt_ids=torch.zeros(embeddings.shape[1], 3, device=x.device, dtype=x.dtype),
            img_ids=image_positions(height // SIDE, width // SIDE, x),
            return_dict=False,
        )[0]
        return unpack(out, height, width)


def image_positions(rows: int, columns: int, like: Tensor) -> Tensor:
    """(0, row, column) of each patch, shape (rows * columns, 3), row by row."""
    positions = torch.zeros(rows, columns, 3)
    positions[..., 1] = torch.arange(rows)[:, None]
    positions[..., 2] = torch.arange(columns)[None, :]
    return positions.reshape(rows * columns, 3).to(device=like.device, dtype=like.dtype)
