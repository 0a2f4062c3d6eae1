"""AuraFlow: a transformer under the tokens of UMT5.

Sources: fal 2024; the layout is that of diffusers' AuraFlowPipeline.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt
from typing import Any

from torch import Tensor

from gdbench.errors import InputError
from gdbench.models.diffusion_itm.conditioning import Conditions
from gdbench.models.diffusion_itm.families.base import Pipeline
from gdbench.models.diffusion_itm.families.components import (
    SCHEDULER,
    diffusers_part,
    transformers_part,
)
from gdbench.models.diffusion_itm.families.fitting import Fit, channels

_TOKENS = 256


class AuraFlow(Pipeline):
    """See `Pipeline`. Padding is zeros, which the network reads like any token."""

    name = "auraflow"
    layout = "the layout of AuraFlow"
    pipeline_class = "AuraFlowPipeline"
    uses = frozenset({"max_length"})
    components = (
        diffusers_part("transformer", "AuraFlowTransformer2DModel"),
        diffusers_part("vae", "AutoencoderKL"),
        transformers_part("text_encoder", "UMT5EncoderModel"),
        transformers_part("tokenizer", "T5Tokenizer"),
        diffusers_part(SCHEDULER),
    )
    fits = (
        Fit(("text_encoder.d_model",), "transformer.joint_attention_dim"),
        *channels(),
    )

    @property
    def sample_size(self) -> int:
        """See `Pipeline`: as in the pipeline, whatever the configuration names.

        1024 pixels, or the largest side that the network has positions for.
        """
        return min(self.default_resolution // self.vae_factor, self.largest)

    @property
    def largest(self) -> int:
        """Largest side of a latent."""
        return isqrt(self.network.config.pos_embed_max_size) * self.patch

    def check(self) -> None:
        """See `Pipeline`."""
        chosen, most = self.settings.resolution, self.largest * self.vae_factor
        if chosen is not None and chosen > most:
            raise InputError(
                f"--resolution {chosen}: this network has positions for {most} pixels at most"
            )

    def readers(self) -> Sequence[tuple[Any, int]]:
        """See `Pipeline`."""
        return [(self.modules["tokenizer"], self.settings.max_length or _TOKENS)]

    def encode_texts(self, texts: Sequence[str]) -> Conditions:
        """UMT5's tokens, zeros where there is padding."""
        embeddings, *_ = self.prompter.encode_prompt(
            list(texts),
            do_classifier_free_guidance=False,
            device=self.device,
            max_sequence_length=self.max_length,
        )
        return {"embeddings": embeddings}

    def predict(self, x: Tensor, times: Tensor, conditions: Conditions) -> Tensor:
        """See `Pipeline`; e - z, told w."""
        out: Tensor = self.network(
            x,
            encoder_hidden_states=conditions["embeddings"],
            timestep=times.to(x.dtype),
            return_dict=False,
        )[0]
        return out
