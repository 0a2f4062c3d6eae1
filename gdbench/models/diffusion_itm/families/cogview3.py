"""CogView3-Plus: a transformer under the tokens of T5.

Sources: Zheng et al. 2024; the layout is that of diffusers' CogView3PlusPipeline.
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

_TOKENS = 224


class CogView3Plus(Pipeline):
    """See `Pipeline`. T5 and the network read padding like any token; the null is zeros."""

    name = "cogview3-plus"
    layout = "the layout of CogView3-Plus"
    pipeline_class = "CogView3PlusPipeline"
    predictions = frozenset({"epsilon", "v_prediction"})
    uses = frozenset({"max_length"})
    trained_null = "zeros"
    components = (
        diffusers_part("transformer", "CogView3PlusTransformer2DModel"),
        diffusers_part("vae", "AutoencoderKL"),
        transformers_part("text_encoder", "T5EncoderModel"),
        transformers_part("tokenizer", "T5Tokenizer"),
        diffusers_part(SCHEDULER),
    )
    fits = (
        Fit(("text_encoder.d_model",), "transformer.text_embed_dim"),
        *channels(),
    )

    def readers(self) -> Sequence[tuple[Any, int]]:
        """See `Pipeline`."""
        return [(self.modules["tokenizer"], self.settings.max_length or _TOKENS)]

    def encode_texts(self, texts: Sequence[str]) -> Conditions:
        """T5's tokens."""
        embeddings, _ = self.prompter.encode_prompt(
            list(texts),
            do_classifier_free_guidance=False,
            max_sequence_length=self.max_length,
            device=self.device,
        )
        return {"embeddings": embeddings}

    def predict(self, x: Tensor, times: Tensor, conditions: Conditions) -> Tensor:
        """See `Pipeline`; told the working size and no crop."""
        sides = torch.full((len(x), 2), float(self.resolution), device=x.device, dtype=x.dtype)
        out: Tensor = self.network(
            hidden_states=x,
            encoder_hidden_states=conditions["embeddings"],
            timestep=times,
            original_size=sides,
            target_size=sides,
            crop_coords=torch.zeros_like(sides),
            return_dict=False,
        )[0]
        return out
