"""HunyuanImage 2.1: a transformer under Qwen2.5-VL, and ByT5 for what a caption has in quotes.

Sources: Tencent Hunyuan 2025; the layout is that of diffusers' HunyuanImagePipeline.
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


class HunyuanImage(Pipeline):
    """See `Pipeline`. A network of mean flows is told the same time twice: its flow right there."""

    name = "hunyuan-image"
    layout = "the layout of HunyuanImage 2.1"
    pipeline_class = "HunyuanImagePipeline"
    uses = frozenset({"guidance"})
    default_guidance = 3.25
    default_resolution = 2048
    components = (
        diffusers_part("transformer", "HunyuanImageTransformer2DModel"),
        diffusers_part("vae", "AutoencoderKLHunyuanImage"),
        transformers_part("text_encoder", "Qwen2_5_VLForConditionalGeneration"),
        transformers_part("text_encoder_2", "T5EncoderModel"),
        transformers_part("tokenizer", "Qwen2Tokenizer"),
        transformers_part("tokenizer_2", "ByT5Tokenizer"),
        diffusers_part(SCHEDULER),
    )
    fits = (
        Fit(("text_encoder.hidden_size",), "transformer.text_embed_dim"),
        Fit(("text_encoder_2.d_model",), "transformer.text_embed_2_dim"),
        *channels(),
    )

    @property
    def vae_factor(self) -> int:
        """See `Pipeline`."""
        return int(self.vae.config.spatial_compression_ratio)

    def readers(self) -> Sequence[tuple[Any, int]]:
        """See `Pipeline`; the template's first tokens are read and then left out."""
        prompter = self.prompter
        before = int(prompter.prompt_template_encode_start_idx)
        return [(self.modules["tokenizer"], before + int(prompter.tokenizer_max_length))]

    def template(self, text: str) -> str:
        """See `Pipeline`."""
        return str(self.prompter.prompt_template_encode).format(text)

    def encode_texts(self, texts: Sequence[str]) -> Conditions:
        """Tokens of both encoders and which of them are no padding."""
        embeddings, mask, quoted, quoted_mask = self.prompter.encode_prompt(
            list(texts), device=self.device, batch_size=len(texts)
        )
        return {
            "embeddings": embeddings,
            "mask": mask,
            "quoted": quoted,
            "quoted_mask": quoted_mask,
        }

    def predict(self, x: Tensor, times: Tensor, conditions: Conditions) -> Tensor:
        """See `Pipeline`; e - z, told 1000 w, and 1000 times the guidance value."""
        times, guidance = 1000.0 * times, self.guidance()
        told = None if guidance is None else torch.full((len(x),), guidance, dtype=x.dtype)
        out: Tensor = self.network(
            hidden_states=x,
            timestep=times.to(x.dtype),
            timestep_r=times.to(x.dtype) if self.network.config.use_meanflow else None,
            guidance=None if told is None else 1000.0 * told.to(x.device),
            encoder_hidden_states=conditions["embeddings"],
            encoder_attention_mask=conditions["mask"],
            encoder_hidden_states_2=conditions["quoted"],
            encoder_attention_mask_2=conditions["quoted_mask"],
            return_dict=False,
        )[0]
        return out
