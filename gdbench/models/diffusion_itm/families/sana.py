"""Sana: a transformer on strongly compressed latents, under the tokens of Gemma-2 and their mask.

Sources: Xie et al. 2024; the layout is that of diffusers' SanaPipeline, with its "complex human
instruction" before every caption.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from functools import cached_property
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
from gdbench.models.diffusion_itm.families.gemma import Instructed

_TOKENS = 300


class Sana(Instructed):
    """See `Pipeline`. Captions are lower-cased, as in the pipeline, and not cleaned further."""

    name = "sana"
    layout = "the layout of Sana"
    pipeline_class = "SanaPipeline"
    components = (
        diffusers_part("transformer", "SanaTransformer2DModel"),
        diffusers_part("vae", "AutoencoderDC"),
        transformers_part("text_encoder", "Gemma2Model"),
        transformers_part("tokenizer", "GemmaTokenizer"),
        diffusers_part(SCHEDULER),
    )
    fits = (
        Fit(("text_encoder.hidden_size",), "transformer.caption_channels"),
        *channels(with_variance=True),
    )

    @classmethod
    def check_configs(cls, folder: Path) -> None:
        """See `Pipeline`; a network that is told a guidance value is Sana-Sprint's."""
        if read_config(folder, "transformer", "config.json", cls.layout).get("guidance_embeds"):
            raise InputError(
                f"{folder}: transformer/config.json sets guidance_embeds; only the plain network "
                "of Sana is read, and not Sana-Sprint"
            )

    @property
    def vae_factor(self) -> int:
        """See `Pipeline`."""
        return int(2 ** (len(self.vae.config.encoder_block_out_channels) - 1))

    def encode_pictures(self, pixels: Tensor) -> Tensor:
        """See `Pipeline`; this VAE has no distribution."""
        latent: Tensor = self.vae.encode(pixels).latent
        return latent

    @cached_property
    def lines(self) -> list[str]:
        """The instruction that the pipeline uses where none is given."""
        from diffusers import SanaPipeline

        parameters = inspect.signature(SanaPipeline.__call__).parameters
        return list(parameters["complex_human_instruction"].default)

    @property
    def instruction(self) -> str:
        """See `Instructed`."""
        return "\n".join(self.lines)

    def template(self, text: str) -> str:
        """See `Pipeline`."""
        return super().template(text.lower().strip())

    @property
    def max_length(self) -> int:
        """See `Pipeline`: the first token and the last ones, without most of the instruction."""
        return self.settings.max_length or _TOKENS

    def readers(self) -> Sequence[tuple[Any, int]]:
        """See `Pipeline`; as many tokens of a caption are read whatever the instruction's length.

        The pipeline takes two off, for the first token and the instruction's last one.
        """
        return [(self.modules["tokenizer"], self.spent + self.max_length - 2)]

    @cached_property
    def spent(self) -> int:
        """Tokens of the instruction."""
        return len(self.modules["tokenizer"](self.instruction, verbose=False)["input_ids"])

    def encode_captions(self, texts: list[str]) -> Conditions:
        """See `Instructed`."""
        embeddings, mask, _, _ = self.prompter.encode_prompt(
            texts,
            do_classifier_free_guidance=False,
            device=self.device,
            clean_caption=False,
            max_sequence_length=self.max_length,
            complex_human_instruction=self.lines,
        )
        return {"embeddings": embeddings, "mask": mask}

    def encode_empty(self, n: int) -> Conditions:
        """See `Instructed`."""
        embeddings, mask, _, _ = self.prompter.encode_prompt(
            [""] * n,
            do_classifier_free_guidance=False,
            device=self.device,
            max_sequence_length=self.max_length,
        )
        return {"embeddings": embeddings, "mask": mask}

    def predict(self, x: Tensor, times: Tensor, conditions: Conditions) -> Tensor:
        """See `Pipeline`; e - z, told 1000 w times the network's own scale."""
        out: Tensor = self.network(
            x,
            encoder_hidden_states=conditions["embeddings"],
            encoder_attention_mask=conditions["mask"],
            timestep=1000.0 * times * self.network.config.timestep_scale,
            return_dict=False,
        )[0]
        return out[:, : self.channels]
