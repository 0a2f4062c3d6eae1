"""PixArt-alpha and PixArt-Sigma: a transformer under the tokens of T5 and their mask.

Sources: Chen et al. 2023, 2024; the layouts are those of diffusers' PixArtAlphaPipeline and
PixArtSigmaPipeline.
"""

from __future__ import annotations

from collections.abc import Sequence
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
    read_config,
    transformers_part,
)
from gdbench.models.diffusion_itm.families.fitting import Fit, channels


class PixArt(Pipeline):
    """See `Pipeline`. Captions are lower-cased, as in the pipelines, and not cleaned further."""

    predictions = frozenset({"epsilon", "v_prediction"})
    uses = frozenset({"max_length"})
    t5_tokens: ClassVar[int]
    """Length of T5's sequence in the pipeline."""
    components = (
        # the name under which the first checkpoints were published
        diffusers_part("transformer", "PixArtTransformer2DModel", "Transformer2DModel"),
        diffusers_part("vae", "AutoencoderKL"),
        transformers_part("text_encoder", "T5EncoderModel"),
        transformers_part("tokenizer", "T5Tokenizer"),
        diffusers_part(SCHEDULER),
    )
    fits = (
        Fit(("text_encoder.d_model",), "transformer.caption_channels"),
        *channels(with_variance=True),
    )

    @classmethod
    def check_configs(cls, folder: Path) -> None:
        """See `Pipeline`."""
        config = read_config(folder, cls.network_part, "config.json", cls.layout)
        norm = config.get("norm_type", "ada_norm_single")
        if norm != "ada_norm_single":
            raise InputError(
                f"{folder}: transformer/config.json has norm_type {norm!r}; expected "
                f"'ada_norm_single' ({cls.layout})"
            )

    def template(self, text: str) -> str:
        """See `Pipeline`."""
        return text.lower().strip()

    def readers(self) -> Sequence[tuple[Any, int]]:
        """See `Pipeline`."""
        return [(self.modules["tokenizer"], self.settings.max_length or self.t5_tokens)]

    def encode_texts(self, texts: Sequence[str]) -> Conditions:
        """T5's tokens and which of them are no padding."""
        embeddings, mask, _, _ = self.prompter.encode_prompt(
            list(texts),
            do_classifier_free_guidance=False,
            device=self.device,
            clean_caption=False,
            max_sequence_length=self.max_length,
        )
        return {"embeddings": embeddings, "mask": mask}

    def predict(self, x: Tensor, times: Tensor, conditions: Conditions) -> Tensor:
        """See `Pipeline`; the first half of the channels, where the second is a variance."""
        out: Tensor = self.network(
            x,
            encoder_hidden_states=conditions["embeddings"],
            encoder_attention_mask=conditions["mask"],
            timestep=times,
            added_cond_kwargs=self._size(x),
            return_dict=False,
        )[0]
        return out[:, : self.channels]

    def _size(self, x: Tensor) -> dict[str, Tensor | None]:
        """Sides and their ratio, which networks for 1024 pixels are told."""
        if not self.network.use_additional_conditions:
            return {"resolution": None, "aspect_ratio": None}
        sides = torch.full((len(x), 2), float(self.resolution), device=x.device, dtype=x.dtype)
        return {"resolution": sides, "aspect_ratio": torch.ones_like(sides[:, :1])}


class PixArtAlpha(PixArt):
    """See `PixArt`."""

    name = "pixart-alpha"
    layout = "the layout of PixArt-alpha"
    pipeline_class = "PixArtAlphaPipeline"
    t5_tokens = 120


class PixArtSigma(PixArt):
    """See `PixArt`."""

    name = "pixart-sigma"
    layout = "the layout of PixArt-Sigma"
    pipeline_class = "PixArtSigmaPipeline"
    t5_tokens = 300
