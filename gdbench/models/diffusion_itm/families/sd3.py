"""Stable Diffusion 3 and 3.5: a transformer under two CLIP encoders and, where it is there, T5.

Sources: Esser et al. 2024; the layout is that of diffusers' StableDiffusion3Pipeline.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from gdbench.models.diffusion_itm.conditioning import Conditions
from gdbench.models.diffusion_itm.families.base import Pipeline
from gdbench.models.diffusion_itm.families.components import (
    SCHEDULER,
    diffusers_part,
    transformers_part,
)
from gdbench.models.diffusion_itm.families.fitting import Fit, channels

_T5_TOKENS = 256


class StableDiffusion3(Pipeline):
    """See `Pipeline`. Without T5 its tokens are zeros, as in the pipeline."""

    name = "stable-diffusion-3"
    layout = "the layout of Stable Diffusion 3"
    pipeline_class = "StableDiffusion3Pipeline"
    uses = frozenset({"max_length", "t5"})
    components = (
        diffusers_part("transformer", "SD3Transformer2DModel"),
        diffusers_part("vae", "AutoencoderKL"),
        transformers_part("text_encoder", "CLIPTextModelWithProjection"),
        transformers_part("text_encoder_2", "CLIPTextModelWithProjection"),
        transformers_part("text_encoder_3", "T5EncoderModel", optional=True),
        transformers_part("tokenizer", "CLIPTokenizer"),
        transformers_part("tokenizer_2", "CLIPTokenizer"),
        transformers_part("tokenizer_3", "T5Tokenizer", optional=True),
        diffusers_part(SCHEDULER),
    )
    fits = (
        Fit(("text_encoder_3.d_model",), "transformer.joint_attention_dim"),
        Fit(
            ("text_encoder.hidden_size", "text_encoder_2.hidden_size"),
            "transformer.joint_attention_dim",
            at_least=True,
        ),
        Fit(
            ("text_encoder.projection_dim", "text_encoder_2.projection_dim"),
            "transformer.pooled_projection_dim",
            what="numbers per text",
        ),
        *channels(),
    )

    @property
    def t5_tokens(self) -> int:
        """Length of T5's part of the sequence."""
        return self.settings.max_length or _T5_TOKENS

    @property
    def max_length(self) -> int:
        """See `Pipeline`; without T5 as many zeros as were asked for stand in its place."""
        if "text_encoder_3" not in self.modules and self.settings.max_length is not None:
            return self.settings.max_length
        return super().max_length

    def readers(self) -> Sequence[tuple[Any, int]]:
        """See `Pipeline`."""
        clip = self.modules["tokenizer"]
        length = int(clip.model_max_length)
        readers: list[tuple[Any, int]] = [(clip, length), (self.modules["tokenizer_2"], length)]
        if "text_encoder_3" in self.modules:
            readers.append((self.modules["tokenizer_3"], self.t5_tokens))
        return readers

    def encode_texts(self, texts: Sequence[str]) -> Conditions:
        """The encoders' tokens one after the other, and the pooled vectors of both CLIPs."""
        embeddings, _, pooled, _ = self.prompter.encode_prompt(
            prompt=list(texts),
            prompt_2=None,
            prompt_3=None,
            device=self.device,
            do_classifier_free_guidance=False,
            max_sequence_length=self.t5_tokens,
        )
        return {"embeddings": embeddings, "pooled": pooled}

    def predict(self, x: Tensor, times: Tensor, conditions: Conditions) -> Tensor:
        """See `Pipeline`; e - z, told 1000 w."""
        out: Tensor = self.network(
            hidden_states=x,
            timestep=1000.0 * times,
            encoder_hidden_states=conditions["embeddings"],
            pooled_projections=conditions["pooled"],
            return_dict=False,
        )[0]
        return out
