"""Qwen-Image: a transformer on packed latents under the hidden states of Qwen2.5-VL.

Sources: Wu et al. 2025; the layout is that of diffusers' QwenImagePipeline.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from gdbench.errors import InputError
from gdbench.models.diffusion_itm.conditioning import Conditions
from gdbench.models.diffusion_itm.families.components import (
    SCHEDULER,
    diffusers_part,
    read_config,
    transformers_part,
)
from gdbench.models.diffusion_itm.families.fitting import Fit, channels
from gdbench.models.diffusion_itm.families.frames import OneFrame
from gdbench.models.diffusion_itm.families.lengths import OwnLength
from gdbench.models.diffusion_itm.families.packing import SIDE, pack, unpack

_TOKENS = 512


class QwenImage(OwnLength, OneFrame):
    """See `Pipeline`. The tokens of the template before the caption are left out."""

    name = "qwen-image"
    layout = "the layout of Qwen-Image"
    pipeline_class = "QwenImagePipeline"
    uses = frozenset({"max_length"})
    longest_text = 1024
    patch = SIDE
    components = (
        diffusers_part("transformer", "QwenImageTransformer2DModel"),
        diffusers_part("vae", "AutoencoderKLQwenImage"),
        transformers_part("text_encoder", "Qwen2_5_VLForConditionalGeneration"),
        transformers_part("tokenizer", "Qwen2Tokenizer"),
        diffusers_part(SCHEDULER),
    )
    fits = (
        Fit(("text_encoder.hidden_size",), "transformer.joint_attention_dim"),
        *channels(gives="vae.z_dim", times=SIDE**2, returns=1),
    )

    @classmethod
    def check_configs(cls, folder: Path) -> None:
        """See `Pipeline`."""
        transformer = read_config(folder, "transformer", "config.json", cls.layout)
        for key in ("guidance_embeds", "use_additional_t_cond", "use_layer3d_rope"):
            if transformer.get(key):
                raise InputError(
                    f"{folder}: transformer/config.json sets {key}; only the plain text-to-image "
                    "network of Qwen-Image is read"
                )

    def readers(self) -> Sequence[tuple[Any, int]]:
        """See `Pipeline`; the template's first tokens are read and then left out."""
        before = int(self.prompter.prompt_template_encode_start_idx)
        return [(self.modules["tokenizer"], before + self.max_length)]

    @property
    def max_length(self) -> int:
        """See `Pipeline`."""
        return self.settings.max_length or _TOKENS

    def template(self, text: str) -> str:
        """See `Pipeline`."""
        return str(self.prompter.prompt_template_encode).format(text)

    def encode_texts(self, texts: Sequence[str]) -> Conditions:
        """The last hidden states (1, L, D) of the caption and of what follows it."""
        embeddings, _ = self.prompter.encode_prompt(
            prompt=list(texts), device=self.device, max_sequence_length=self.max_length
        )
        return {"embeddings": embeddings}

    def predict(self, x: Tensor, times: Tensor, conditions: Conditions) -> Tensor:
        """See `Pipeline`; e - z, told w."""
        batch, _, height, width = x.shape
        out: Tensor = self.network(
            hidden_states=pack(x),
            timestep=times.to(x.dtype),
            encoder_hidden_states=conditions["embeddings"],
            encoder_hidden_states_mask=conditions.get("mask"),
            img_shapes=[[(1, height // SIDE, width // SIDE)]] * batch,
            return_dict=False,
        )[0]
        return unpack(out, height, width)
