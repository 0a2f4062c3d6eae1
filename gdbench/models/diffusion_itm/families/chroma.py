"""Chroma: FLUX.1 schnell with fewer modulation weights, under the tokens of T5 alone.

Sources: Lodestone 2025; the layout is that of diffusers' ChromaPipeline.
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

_TOKENS = 512


class Chroma(Pipeline):
    """See `Pipeline`. The mask keeps the caption's tokens and the first one of padding."""

    name = "chroma"
    layout = "the layout of Chroma"
    pipeline_class = "ChromaPipeline"
    uses = frozenset({"max_length"})
    longest_text = 512
    patch = SIDE
    components = (
        diffusers_part("transformer", "ChromaTransformer2DModel"),
        diffusers_part("vae", "AutoencoderKL"),
        transformers_part("text_encoder", "T5EncoderModel"),
        transformers_part("tokenizer", "T5Tokenizer"),
        diffusers_part(SCHEDULER),
    )
    fits = (
        Fit(("text_encoder.d_model",), "transformer.joint_attention_dim"),
        *channels(times=SIDE**2),
    )

    def readers(self) -> Sequence[tuple[Any, int]]:
        """See `Pipeline`."""
        return [(self.modules["tokenizer"], self.settings.max_length or _TOKENS)]

    def encode_texts(self, texts: Sequence[str]) -> Conditions:
        """T5's tokens and their mask."""
        embeddings, _, mask, *_ = self.prompter.encode_prompt(
            prompt=list(texts),
            device=self.device,
            do_classifier_free_guidance=False,
            max_sequence_length=self.max_length,
        )
        return {"embeddings": embeddings, "mask": mask.bool()}

    def predict(self, x: Tensor, times: Tensor, conditions: Conditions) -> Tensor:
        """See `Pipeline`; e - z, told w.

        The pipeline gives the mask as numbers, which its attention adds to the logits: it raises
        the text's share and hides nothing. The same is given here.
        """
        _, _, height, width = x.shape
        embeddings, mask = conditions["embeddings"], conditions["mask"].to(x.dtype)
        positions = image_positions(height // SIDE, width // SIDE, x)
        pictures = mask.new_ones(len(x), len(positions))
        out: Tensor = self.network(
            hidden_states=pack(x),
            timestep=times.to(x.dtype),
            encoder_hidden_states=embeddings,
            txt_ids=torch.zeros(embeddings.shape[1], 3, device=x.device, dtype=x.dtype),
            img_ids=positions,
            attention_mask=torch.cat([mask, pictures], dim=1),
            return_dict=False,
        )[0]
        return unpack(out, height, width)
