"""CogView4: a transformer under the tokens of GLM-4, as many as a caption has.

Sources: Zheng et al. 2024 (CogView3), Zhipu AI 2025; the layout is that of diffusers'
CogView4Pipeline.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from math import exp
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

_TOKENS = 1024


class CogView4(OneByOne):
    """See `Pipeline`. Captions are padded in front, to a multiple of 16 tokens, without a mask."""

    name = "cogview4"
    layout = "the layout of CogView4"
    pipeline_class = "CogView4Pipeline"
    uses = frozenset({"max_length"})
    components = (
        diffusers_part("transformer", "CogView4Transformer2DModel"),
        diffusers_part("vae", "AutoencoderKL"),
        transformers_part("text_encoder", "GlmModel"),
        transformers_part("tokenizer", "PreTrainedTokenizerFast"),
        diffusers_part(SCHEDULER),
    )
    fits = (
        Fit(("text_encoder.hidden_size",), "transformer.text_embed_dim"),
        *channels(),
    )

    def moved_by(self, config: Mapping[str, Any]) -> float:
        """See `Pipeline`; as in CogView4Pipeline, by the side of the picture."""
        side = (self.n_tokens / config.get("base_image_seq_len", 256)) ** 0.5
        # the scheduler's defaults, which go before those of the pipeline
        return float(side * config.get("max_shift", 1.15) + config.get("base_shift", 0.5))

    @cached_property
    def shift(self) -> float:
        """How far noise levels lie from the times that the network is told (see `told`)."""
        config = self.modules[SCHEDULER]
        if not config.get("use_dynamic_shifting"):
            return float(config.get("shift", 1.0))
        moved = self.moved_by(config)
        return moved if config.get("time_shift_type") == "linear" else exp(moved)

    def told(self, levels: Tensor) -> Tensor:
        """Times of noise levels before they were moved: the pipeline moves the levels alone.

        The inverse of w = s t / (1 + (s - 1) t) with the shift s (Esser et al. 2024, 5.3.2).
        """
        return 1000.0 * levels / (levels + self.shift * (1.0 - levels))

    def readers(self) -> Sequence[tuple[Any, int]]:
        """See `Pipeline`."""
        return [(self.modules["tokenizer"], self.settings.max_length or _TOKENS)]

    def encode_texts(self, texts: Sequence[str]) -> Conditions:
        """GLM's tokens."""
        embeddings, _ = self.prompter.encode_prompt(
            list(texts),
            do_classifier_free_guidance=False,
            device=self.device,
            max_sequence_length=self.max_length,
        )
        return {"embeddings": embeddings}

    def predict(self, x: Tensor, times: Tensor, conditions: Conditions) -> Tensor:
        """See `Pipeline`; e - z, told the time of w, the working size and no crop."""
        sides = torch.full((len(x), 2), float(self.resolution), device=x.device, dtype=x.dtype)
        out: Tensor = self.network(
            hidden_states=x,
            encoder_hidden_states=conditions["embeddings"],
            timestep=self.told(times),
            original_size=sides,
            target_size=sides,
            crop_coords=torch.zeros_like(sides),
            return_dict=False,
        )[0]
        return out
