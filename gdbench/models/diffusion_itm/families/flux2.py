"""FLUX.2 and FLUX.2 klein: a transformer under hidden states of several layers of a language model.

Sources: Black Forest Labs 2025; the layouts are those of diffusers' Flux2Pipeline and
Flux2KleinPipeline.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pixel_unshuffle

from gdbench.models.diffusion_itm.conditioning import Conditions
from gdbench.models.diffusion_itm.families.base import Pipeline
from gdbench.models.diffusion_itm.families.components import (
    SCHEDULER,
    diffusers_part,
    transformers_part,
)
from gdbench.models.diffusion_itm.families.fitting import Fit, channels
from gdbench.models.diffusion_itm.families.z_image import chat

_TOKENS = 512
_STEPS = 50  # the pipelines' default
_SIDE = 2
_LAYERS = 3  # whose hidden states stand side by side


class Flux2Klein(Pipeline):
    """See `Pipeline`. A latent is a patch of 2 x 2 of the VAE's, normalised by its batch norm.

    The pipeline shifts its noise levels by its number of steps too; these are the levels of its
    default of 50.
    """

    name = "flux-2-klein"
    layout = "the layout of FLUX.2 klein"
    pipeline_class = "Flux2KleinPipeline"
    uses = frozenset({"max_length"})
    components = (
        diffusers_part("transformer", "Flux2Transformer2DModel"),
        diffusers_part("vae", "AutoencoderKLFlux2"),
        transformers_part("text_encoder", "Qwen3ForCausalLM"),
        transformers_part("tokenizer", "Qwen2Tokenizer"),
        diffusers_part(SCHEDULER),
    )
    fits = (
        Fit(("text_encoder.hidden_size",), "transformer.joint_attention_dim", _LAYERS),
        *channels(times=_SIDE**2),
    )

    @property
    def takes_guidance(self) -> bool:
        """See `Pipeline`."""
        return False

    def readers(self) -> Sequence[tuple[Any, int]]:
        """See `Pipeline`; the template counts."""
        return [(self.modules["tokenizer"], self.settings.max_length or _TOKENS)]

    def template(self, text: str) -> str:
        """See `Pipeline`."""
        return chat(self.modules["tokenizer"], text, thinks=False)

    def encode_texts(self, texts: Sequence[str]) -> Conditions:
        """The hidden states of three layers side by side, of the whole padded template."""
        embeddings, _ = self.prompter.encode_prompt(
            prompt=list(texts), device=self.device, max_sequence_length=self.max_length
        )
        return {"embeddings": embeddings}

    @property
    def vae_factor(self) -> int:
        """See `Pipeline`."""
        return _SIDE * super().vae_factor

    @property
    def channels(self) -> int:
        """See `Pipeline`."""
        return _SIDE**2 * super().channels

    def encode_pictures(self, pixels: Tensor) -> Tensor:
        """See `Pipeline`; normalised already, as the VAE's configuration has no numbers for it."""
        normalised: Tensor = self.vae.bn(pixel_unshuffle(super().encode_pictures(pixels), _SIDE))
        return normalised

    def moved_by(self, config: Mapping[str, Any]) -> float:
        """See `Pipeline`."""
        del config
        from diffusers.pipelines.flux2 import pipeline_flux2

        empirical: Any = pipeline_flux2.compute_empirical_mu  # no type information
        return float(empirical(image_seq_len=self.n_tokens, num_steps=_STEPS))

    def predict(self, x: Tensor, times: Tensor, conditions: Conditions) -> Tensor:
        """See `Pipeline`; e - z, told w."""
        batch, _, height, width = x.shape
        embeddings, guidance = conditions["embeddings"], self.guidance()
        one, tokens = torch.arange(1), torch.arange(embeddings.shape[1])
        text = torch.cartesian_prod(one, one, one, tokens)
        image = torch.cartesian_prod(one, torch.arange(height), torch.arange(width), one)
        out: Tensor = self.network(
            hidden_states=x.flatten(2).transpose(1, 2),
            timestep=times.to(x.dtype),
            guidance=None if guidance is None else torch.full((batch,), guidance, device=x.device),
            encoder_hidden_states=embeddings,
            txt_ids=text.to(x.device).expand(batch, -1, -1),
            img_ids=image.to(x.device).expand(batch, -1, -1),
            return_dict=False,
        )[0]
        return out.transpose(1, 2).reshape(x.shape)


class Flux2(Flux2Klein):
    """See `Flux2Klein`; it is distilled with guidance, and reads texts with Mistral 3."""

    name = "flux-2"
    layout = "the layout of FLUX.2"
    pipeline_class = "Flux2Pipeline"
    uses = frozenset({"guidance", "max_length"})
    default_guidance = 4.0
    components = (
        diffusers_part("transformer", "Flux2Transformer2DModel"),
        diffusers_part("vae", "AutoencoderKLFlux2"),
        transformers_part("text_encoder", "Mistral3ForConditionalGeneration"),
        transformers_part("tokenizer", "AutoProcessor"),
        diffusers_part(SCHEDULER),
    )

    @property
    def takes_guidance(self) -> bool:
        """See `Pipeline`."""
        return bool(self.network.config.guidance_embeds)

    def readers(self) -> Sequence[tuple[Any, int]]:
        """See `Pipeline`; the template counts."""
        return [(self.modules["tokenizer"].tokenizer, self.settings.max_length or _TOKENS)]

    def template(self, text: str) -> str:
        """See `Pipeline`; without the token that the tokenizer puts before a text."""
        from diffusers.pipelines.flux2 import pipeline_flux2

        messages: Any = pipeline_flux2.format_input  # no type information
        processor = self.modules["tokenizer"]
        (whole,) = processor.apply_chat_template(
            messages([text], self.prompter.system_message), tokenize=False
        )
        return str(whole).removeprefix(processor.tokenizer.bos_token or "")
