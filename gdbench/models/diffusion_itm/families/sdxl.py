"""Stable Diffusion XL: a U-Net under two CLIP text encoders, a pooled vector and a size.

Sources: Podell et al. 2023; the layout is that of diffusers' StableDiffusionXLPipeline. Turbo and
Lightning are distilled networks of the same layout.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from gdbench.errors import InputError
from gdbench.models.diffusion_itm.conditioning import Conditions
from gdbench.models.diffusion_itm.families.base import Pipeline
from gdbench.models.diffusion_itm.families.components import (
    SCHEDULER,
    diffusers_part,
    index_options,
    read_config,
    transformers_part,
)
from gdbench.models.diffusion_itm.families.fitting import Fit, channels
from gdbench.models.diffusion_itm.families.guidance import guidance_embedding
from gdbench.protocol import Family


class StableDiffusionXL(Pipeline):
    """See `Pipeline`. The network is told the working size as original and target size, no crop."""

    name = "stable-diffusion-xl"
    card_family: ClassVar[Family] = "diffusion-unet"
    layout = "the layout of Stable Diffusion XL"
    network_part = "unet"
    pipeline_class = "StableDiffusionXLPipeline"
    predictions = frozenset({"epsilon", "v_prediction"})
    uses = frozenset({"guidance"})
    default_guidance = 5.0
    components = (
        diffusers_part("unet", "UNet2DConditionModel"),
        diffusers_part("vae", "AutoencoderKL"),
        transformers_part("text_encoder", "CLIPTextModel", "CLIPTextModelWithProjection"),
        transformers_part("text_encoder_2", "CLIPTextModelWithProjection"),
        transformers_part("tokenizer", "CLIPTokenizer"),
        transformers_part("tokenizer_2", "CLIPTokenizer"),
        diffusers_part(SCHEDULER),
    )
    fits = (
        Fit(
            ("text_encoder.hidden_size", "text_encoder_2.hidden_size"),
            "unet.cross_attention_dim",
        ),
        Fit(
            # the pooled vector, and an embedding for each of the six numbers of the size
            ("text_encoder_2.projection_dim", *("unet.addition_time_embed_dim",) * 6),
            "unet.projection_class_embeddings_input_dim",
            what="numbers per text",
        ),
        *channels("unet"),
    )

    @classmethod
    def check_configs(cls, folder: Path) -> None:
        """See `Pipeline`."""
        unet = read_config(folder, "unet", "config.json", cls.layout)
        if unet.get("addition_embed_type") != "text_time":
            raise InputError(
                f"{folder}: unet/config.json has addition_embed_type "
                f"{unet.get('addition_embed_type')!r}; expected 'text_time' ({cls.layout})"
            )

    @cached_property
    def trained_null(self) -> str:
        """Zeros, unless the pipeline says otherwise: it decides what normalisation subtracts."""
        options = index_options(self.folder)
        return "zeros" if options.get("force_zeros_for_empty_prompt", True) else "empty"

    def readers(self) -> Sequence[tuple[Any, int]]:
        """See `Pipeline`."""
        tokenizers = (self.modules["tokenizer"], self.modules["tokenizer_2"])
        return [(tokenizer, int(tokenizer.model_max_length)) for tokenizer in tokenizers]

    def encode_texts(self, texts: Sequence[str]) -> Conditions:
        """Hidden states of both encoders side by side, and the pooled vector of the second."""
        embeddings, _, pooled, _ = self.prompter.encode_prompt(
            prompt=list(texts), device=self.device, do_classifier_free_guidance=False
        )
        return {"embeddings": embeddings, "pooled": pooled}

    def predict(self, x: Tensor, times: Tensor, conditions: Conditions) -> Tensor:
        """See `Pipeline`."""
        side = self.resolution
        size = torch.tensor([side, side, 0, 0, side, side], device=x.device, dtype=x.dtype)
        told = guidance_embedding(self.guidance(), self.network.config.get("time_cond_proj_dim"))
        out: Tensor = self.network(
            x,
            times,
            timestep_cond=None if told is None else told.to(x).expand(len(x), -1),
            encoder_hidden_states=conditions["embeddings"],
            added_cond_kwargs={
                "text_embeds": conditions["pooled"],
                "time_ids": size.expand(len(x), 6),
            },
            return_dict=False,
        )[0]
        return out
