"""Ovis-Image: a transformer on packed latents under the hidden states of Qwen3.

Sources: Ovis Team 2025; the layout is that of diffusers' OvisImagePipeline.
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
from gdbench.models.diffusion_itm.families.flux import image_positions
from gdbench.models.diffusion_itm.families.packing import SIDE, pack, unpack

_TOKENS = 256


class OvisImage(Pipeline):
    """See `Pipeline`. Padding is zeros to the network; the template's first tokens are left out."""

    name = "ovis-image"
    layout = "the layout of Ovis-Image"
    pipeline_class = "OvisImagePipeline"
    uses = frozenset({"max_length"})
    longest_text = 256
    patch = SIDE
    components = (
        diffusers_part("transformer", "OvisImageTransformer2DModel"),
        diffusers_part("vae", "AutoencoderKL"),
        transformers_part("text_encoder", "Qwen3Model"),
        transformers_part("tokenizer", "Qwen2Tokenizer"),
        diffusers_part(SCHEDULER),
    )
    fits = (
        Fit(("text_encoder.hidden_size",), "transformer.joint_attention_dim"),
        *channels(times=SIDE**2),
    )

    @property
    def max_length(self) -> int:
        """See `Pipeline`."""
        return self.settings.max_length or _TOKENS

    def readers(self) -> Sequence[tuple[Any, int]]:
        """See `Pipeline`; the template's first tokens are read and then left out."""
        before = int(self.prompter.user_prompt_begin_id)
        return [(self.modules["tokenizer"], before + self.max_length)]

    def template(self, text: str) -> str:
        """See `Pipeline`."""
        return str(self.prompter._get_messages(text)[0])  # noqa: SLF001 # no public name for it

    def encode_texts(self, texts: Sequence[str]) -> Conditions:
        """The last hidden states (B, L, D), zeros where a text is padded."""
        embeddings, *_ = self.prompter.encode_prompt(
            prompt=list(texts),
            device=self.device,
            do_classifier_free_guidance=False,
            max_sequence_length=self.max_length,
        )
        return {"embeddings": embeddings}

    def predict(self, x: Tensor, times: Tensor, conditions: Conditions) -> Tensor:
        """See `Pipeline`; e - z, told w."""
        _, _, height, width = x.shape
        embeddings = conditions["embeddings"]
        out: Tensor = self.network(
            hidden_states=pack(x),
            timestep=times.to(x.dtype),
            encoder_hidden_states=embeddings,
            txt_ids=text_positions(embeddings.shape[1], x),
            img_ids=image_positions(height // SIDE, width // SIDE, x),
            return_dict=False,
        )[0]
        return unpack(out, height, width)


def text_positions(length: int, like: Tensor) -> Tensor:
    """(0, i, i) of each token, shape (length, 3)."""
    places = torch.arange(length, device=like.device, dtype=like.dtype)
    return torch.stack([torch.zeros_like(places), places, places], dim=1)
