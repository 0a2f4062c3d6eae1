"""PRX: a transformer on patches of latents under the tokens of T5Gemma and their mask.

Sources: Photoroom 2025; the layout is that of diffusers' PRXPipeline.
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
    index_options,
    transformers_part,
)
from gdbench.models.diffusion_itm.families.fitting import Fit, channels


class PRX(Pipeline):
    """See `Pipeline`. Captions are lower-cased and cleaned of links and signs, as there."""

    name = "prx"
    layout = "the layout of PRX"
    pipeline_class = "PRXPipeline"
    uses = frozenset({"max_length"})
    components = (
        diffusers_part("transformer", "PRXTransformer2DModel"),
        diffusers_part("vae", "AutoencoderKL", "AutoencoderDC"),
        transformers_part("text_encoder", "T5GemmaEncoder"),
        transformers_part("tokenizer", "GemmaTokenizer"),
        diffusers_part(SCHEDULER),
    )
    fits = (
        Fit(("text_encoder.encoder.hidden_size",), "transformer.context_in_dim"),
        *channels(),
    )

    @property
    def sample_size(self) -> int:
        """See `Pipeline`; the pipeline's own, which is in pixels."""
        return int(index_options(self.folder).get("default_sample_size") or 512) // self.vae_factor

    @property
    def vae_factor(self) -> int:
        """See `Pipeline`."""
        own = getattr(self.vae, "spatial_compression_ratio", None)
        return super().vae_factor if own is None else int(own)

    def encode_pictures(self, pixels: Tensor) -> Tensor:
        """See `Pipeline`; of its two VAEs one has no distribution."""
        encoded: Any = self.vae.encode(pixels)
        latent: Tensor
        latent = encoded.latent if hasattr(encoded, "latent") else encoded.latent_dist.mean
        return latent

    def readers(self) -> Sequence[tuple[Any, int]]:
        """See `Pipeline`."""
        tokenizer = self.modules["tokenizer"]
        return [(tokenizer, self.settings.max_length or int(tokenizer.model_max_length))]

    def template(self, text: str) -> str:
        """See `Pipeline`."""
        return str(self.prompter.text_preprocessor.clean_text(text))

    def encode_texts(self, texts: Sequence[str]) -> Conditions:
        """T5Gemma's tokens and which of them are no padding."""
        embeddings, mask, _, _ = self.prompter.encode_prompt(
            list(texts),
            device=self.device,
            do_classifier_free_guidance=False,
            tokenizer_max_length=self.max_length,
        )
        return {"embeddings": embeddings, "mask": mask}

    def predict(self, x: Tensor, times: Tensor, conditions: Conditions) -> Tensor:
        """See `Pipeline`; e - z, told w."""
        out: Tensor = self.network(
            hidden_states=x,
            timestep=times,
            encoder_hidden_states=conditions["embeddings"],
            attention_mask=conditions["mask"],
            return_dict=False,
        )[0]
        return out
