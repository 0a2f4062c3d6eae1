"""Qwen-Image 2.1: a single-stream, block-causal transformer under the hidden states of Qwen3-VL.

Sources: Qwen Team 2026; the layout is that of diffusers' QwenImage21Pipeline, from texts alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from gdbench.models.diffusion_itm.conditioning import Conditions
from gdbench.models.diffusion_itm.families.components import (
    SCHEDULER,
    diffusers_part,
    transformers_part,
)
from gdbench.models.diffusion_itm.families.fitting import Fit, channels
from gdbench.models.diffusion_itm.families.lengths import OneByOne

_SLOT = 4  # latents of the picture that one place of the joint sequence stands for


class QwenImage21(OneByOne):
    """See `Pipeline`. The picture's positions begin where a text ends, so no row is padded."""

    name = "qwen-image-2.1"
    layout = "the layout of Qwen-Image 2.1"
    pipeline_class = "QwenImage21Pipeline"
    # places stand for squares of 2 x 2 latents
    patch = 2
    components = (
        diffusers_part("transformer", "QwenImage21Transformer2DModel"),
        diffusers_part("vae", "AutoencoderKLQwenImage21"),
        transformers_part("text_encoder", "Qwen3VLForConditionalGeneration"),
        transformers_part("processor", "AutoProcessor"),
        diffusers_part(SCHEDULER),
    )
    fits = (
        Fit(("text_encoder.hidden_size",), "transformer.context_in_dim"),
        *channels(gives="vae.z_dim"),
    )

    @property
    def vae_factor(self) -> int:
        """See `Pipeline`."""
        return int(self.vae.config.scale_factor_spatial)

    @property
    def channels(self) -> int:
        """See `Pipeline`."""
        return int(self.vae.config.z_dim)

    @property
    def n_tokens(self) -> int:
        """See `Pipeline`; a latent is a token."""
        _, height, width = self.latent_shape
        return height * width

    def encode_pictures(self, pixels: Tensor) -> Tensor:
        """See `Pipeline`; a video of one frame, with nothing transparent."""
        opaque = torch.cat([pixels, torch.ones_like(pixels[:, :1])], dim=1)
        return super().encode_pictures(opaque[:, :, None])[:, :, 0]

    def readers(self) -> Sequence[tuple[Any, int]]:
        """See `Pipeline`; nothing is cut."""
        tokenizer = self.modules["processor"].tokenizer
        return [(tokenizer, int(tokenizer.model_max_length))]

    def template(self, text: str) -> str:
        """See `Pipeline`."""
        return str(self.prompter.prompt_template_t2i).format(text or " ")

    def encode_texts(self, texts: Sequence[str]) -> Conditions:
        """The last layer's states (1, L, D) of the caption and of what follows it."""
        embeddings, _, _ = self.prompter.encode_prompt(prompt=list(texts), device=self.device)
        return {"embeddings": embeddings}

    def predict(self, x: Tensor, times: Tensor, conditions: Conditions) -> Tensor:
        """See `Pipeline`; e - z, told w."""
        batch, _, height, width = x.shape
        embeddings, n = conditions["embeddings"], height * width
        places = torch.ones(batch, embeddings.shape[1] + n // _SLOT, dtype=torch.bool)
        places[:, : embeddings.shape[1]] = False
        out: Tensor = self.network(
            hidden_states=x.flatten(2).transpose(1, 2),
            timestep=times.to(x.dtype),
            encoder_hidden_states=embeddings,
            img_shapes=[[(1, height, width)]] * batch,
            img_mask=places.to(x.device),
            return_dict=False,
        )[0]
        return out[:, -n:].transpose(1, 2).reshape(x.shape)
