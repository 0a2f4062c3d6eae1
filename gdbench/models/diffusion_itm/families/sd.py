"""Stable Diffusion 1.x and 2.x: a U-Net with cross-attention to one CLIP text encoder.

Sources: Rombach et al. 2022; the layout is that of diffusers' StableDiffusionPipeline.
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
    Component,
    diffusers_part,
    read_config,
    transformers_part,
)
from gdbench.models.diffusion_itm.families.fitting import Fit, channels
from gdbench.models.diffusion_itm.families.guidance import guidance_embedding
from gdbench.models.diffusion_itm.stem import StemUNet
from gdbench.protocol import Family

EMBEDDINGS = "encoder_hidden_states"


class StableDiffusion(Pipeline):
    """See `Pipeline`; the part of the network before the first text is shared between texts."""

    name = "stable-diffusion"
    card_family: ClassVar[Family] = "diffusion-unet"
    layout = (
        "a Stable-Diffusion layout with the folders unet, vae, text_encoder, tokenizer, scheduler"
    )
    network_part = "unet"
    predictions = frozenset({"epsilon", "v_prediction", "flow"})
    uses = frozenset({"guidance"})
    default_guidance = 7.5
    components = (
        diffusers_part("unet", "UNet2DConditionModel"),
        diffusers_part("vae", "AutoencoderKL"),
        transformers_part("text_encoder", "CLIPTextModel", "CLIPTextModelWithProjection"),
        transformers_part("tokenizer", "CLIPTokenizer", "CLIPTokenizerFast"),
        Component(SCHEDULER, "diffusers", ("DDPMScheduler",)),
    )
    fits = (
        Fit(("text_encoder.hidden_size",), "unet.cross_attention_dim"),
        *channels("unet"),
    )

    @classmethod
    def encoder_dtype(cls, device: torch.device, dtype: torch.dtype) -> torch.dtype:
        """CLIP's text encoder is small and runs once for each text: float32 everywhere."""
        del device, dtype
        return torch.float32

    @classmethod
    def check_configs(cls, folder: Path) -> None:
        """See `Pipeline`."""
        unet = read_config(folder, "unet", "config.json", cls.layout)
        for key in cls.foreign_keys():
            if unet.get(key) is not None:
                raise InputError(
                    f"{folder}: unet/config.json sets {key}; only plain text-conditioned U-Nets "
                    "(Stable Diffusion 1.x and 2.x) are read"
                )
        if not isinstance(unet.get("sample_size"), int):
            raise InputError(f"{folder}: unet/config.json needs sample_size as one whole number")

    @classmethod
    def foreign_keys(cls) -> tuple[str, ...]:
        """Keys of a U-Net's configuration that ask for inputs which this family does not give."""
        return (
            "class_embed_type", "addition_embed_type", "num_class_embeds", "encoder_hid_dim",
        )  # fmt: skip

    def readers(self) -> Sequence[tuple[Any, int]]:
        """See `Pipeline`."""
        positions = self.modules["text_encoder"].config.max_position_embeddings
        return [(self.modules["tokenizer"], int(positions))]

    def encode_texts(self, texts: Sequence[str]) -> Conditions:
        """The last hidden states (B, L, D)."""
        tokenizer, length = self.readers()[0]
        tokens = tokenizer(
            list(texts),
            padding="max_length",
            max_length=length,
            truncation=True,
            return_tensors="pt",
        )
        encoder = self.modules["text_encoder"]
        mask = None
        if getattr(encoder.config, "use_attention_mask", False):
            mask = tokens.attention_mask.to(self.device)
        hidden = encoder(tokens.input_ids.to(self.device), attention_mask=mask).last_hidden_state
        return {EMBEDDINGS: hidden.float()}

    @cached_property
    def stem(self) -> StemUNet:
        """The network, cut where texts come in."""
        size = self.network.config.get("time_cond_proj_dim")
        return StemUNet(self.network, time_condition=guidance_embedding(self.guidance(), size))

    def compile(self) -> None:
        """See `Pipeline`."""
        self.stem.compile_parts()

    def predict(self, x: Tensor, times: Tensor, conditions: Conditions) -> Tensor:
        """See `Pipeline`."""
        return self.forward(x, times, conditions)

    def forward(
        self, x: Tensor, times: Tensor, conditions: Conditions, owner: Tensor | None = None
    ) -> Tensor:
        """See `Pipeline`."""
        out: Tensor = self.stem(x, self.told(times), conditions[EMBEDDINGS], owner)
        return out

    def told(self, times: Tensor) -> Tensor:
        """The network's own time: 1000 w where it is trained as a flow, as schedulers give it."""
        return 1000.0 * times if self.noising.prediction == "flow" else times
