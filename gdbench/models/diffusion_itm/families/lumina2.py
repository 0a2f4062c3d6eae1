"""Lumina-Image 2.0: a transformer under the tokens of Gemma-2 and their mask.

Sources: Qin et al. 2025; the layout is that of diffusers' Lumina2Pipeline, with its system prompt
before every caption.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from gdbench.errors import InputError
from gdbench.models.diffusion_itm.conditioning import Conditions
from gdbench.models.diffusion_itm.families.components import (
    SCHEDULER,
    diffusers_part,
    transformers_part,
)
from gdbench.models.diffusion_itm.families.fitting import Fit, channels
from gdbench.models.diffusion_itm.families.gemma import Instructed

_TOKENS = 256
_MARK = " <Prompt Start> "  # the pipeline's, between its system prompt and a caption


class Lumina2(Instructed):
    """See `Pipeline`. Time runs from noise to picture, and so does the flow of the network."""

    name = "lumina-2"
    layout = "the layout of Lumina-Image 2.0"
    pipeline_class = "Lumina2Pipeline"
    components = (
        diffusers_part("transformer", "Lumina2Transformer2DModel"),
        diffusers_part("vae", "AutoencoderKL"),
        transformers_part("text_encoder", "Gemma2Model"),
        transformers_part("tokenizer", "GemmaTokenizer"),
        diffusers_part(SCHEDULER),
    )
    fits = (
        Fit(("text_encoder.hidden_size",), "transformer.cap_feat_dim"),
        *channels(),
    )

    def check(self) -> None:
        """See `Pipeline`."""
        super().check()
        captions, rows, _ = self.network.config.axes_lens
        # the picture's place comes after the caption's last token
        if self.max_length >= captions:
            raise InputError(
                f"--max-length {self.max_length}: this network has positions for "
                f"{captions - 1} tokens"
            )
        chosen, most = self.settings.resolution, rows * self.patch * self.vae_factor
        if chosen is not None and chosen > most:
            raise InputError(
                f"--resolution {chosen}: this network has positions for {most} pixels at most"
            )

    @property
    def n_tokens(self) -> int:
        """See `Pipeline`; the pipeline takes the number of channels for it where shifts move."""
        return self.channels

    @property
    def instruction(self) -> str:
        """See `Instructed`."""
        return f"{self.prompter.system_prompt}{_MARK}"

    def readers(self) -> Sequence[tuple[Any, int]]:
        """See `Pipeline`."""
        return [(self.modules["tokenizer"], self.settings.max_length or _TOKENS)]

    def encode_captions(self, texts: list[str]) -> Conditions:
        """See `Instructed`."""
        embeddings, mask, _, _ = self.prompter.encode_prompt(
            texts,
            do_classifier_free_guidance=False,
            device=self.device,
            max_sequence_length=self.max_length,
        )
        return {"embeddings": embeddings, "mask": mask}

    def encode_empty(self, n: int) -> Conditions:
        """See `Instructed`: what the pipeline guides away from."""
        _, _, embeddings, mask = self.prompter.encode_prompt(
            [""] * n,
            do_classifier_free_guidance=True,
            device=self.device,
            max_sequence_length=self.max_length,
        )
        return {"embeddings": embeddings, "mask": mask}

    def predict(self, x: Tensor, times: Tensor, conditions: Conditions) -> Tensor:
        """See `Pipeline`; the network returns z - e, told 1 - w."""
        out: Tensor = self.network(
            hidden_states=x,
            timestep=1.0 - times,
            encoder_hidden_states=conditions["embeddings"],
            encoder_attention_mask=conditions["mask"],
            return_dict=False,
        )[0]
        return -out
