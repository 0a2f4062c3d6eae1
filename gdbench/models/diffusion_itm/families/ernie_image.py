"""ERNIE-Image: a single-stream transformer under the hidden states of Mistral 3.

Sources: Baidu ERNIE team 2026; the layout is that of diffusers' ErnieImagePipeline.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pixel_unshuffle

from gdbench.models.diffusion_itm.conditioning import Conditions
from gdbench.models.diffusion_itm.families.components import (
    SCHEDULER,
    diffusers_part,
    transformers_part,
)
from gdbench.models.diffusion_itm.families.fitting import Fit, channels
from gdbench.models.diffusion_itm.families.lengths import OwnLength

_SIDE = 2
_EPSILON = 1e-5  # of the VAE's batch norm in the pipeline, whatever its configuration has


class ErnieImage(OwnLength):
    """See `Pipeline`. A caption is read as it is: the pipeline's rewriting of it is left off.

    A latent is a patch of 2 x 2 of the VAE's, normalised by its batch norm.
    """

    name = "ernie-image"
    layout = "the layout of ERNIE-Image"
    pipeline_class = "ErnieImagePipeline"
    components = (
        diffusers_part("transformer", "ErnieImageTransformer2DModel"),
        diffusers_part("vae", "AutoencoderKLFlux2"),
        transformers_part("text_encoder", "Mistral3Model"),
        transformers_part("tokenizer", "PreTrainedTokenizerFast"),
        diffusers_part(SCHEDULER),
    )
    fits = (
        Fit(("text_encoder.hidden_size",), "transformer.text_in_dim"),
        *channels(times=_SIDE**2),
    )

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
        patches = pixel_unshuffle(super().encode_pictures(pixels), _SIDE)
        shape, norm = (1, -1, 1, 1), self.vae.bn
        spread: Tensor = torch.sqrt(norm.running_var.view(shape) + _EPSILON)
        normalised: Tensor = (patches - norm.running_mean.view(shape)) / spread
        return normalised

    def readers(self) -> Sequence[tuple[Any, int]]:
        """See `Pipeline`."""
        tokenizer = self.modules["tokenizer"]
        return [(tokenizer, int(tokenizer.model_max_length))]

    def encode_texts(self, texts: Sequence[str]) -> Conditions:
        """The last hidden states but one (1, L, D)."""
        return {
            "embeddings": torch.stack(self.prompter.encode_prompt(list(texts), device=self.device))
        }

    def predict(self, x: Tensor, times: Tensor, conditions: Conditions) -> Tensor:
        """See `Pipeline`; e - z, told 1000 w."""
        embeddings, mask = conditions["embeddings"], conditions.get("mask")
        whole = torch.full((len(x),), embeddings.shape[1], device=x.device)
        out: Tensor = self.network(
            hidden_states=x,
            timestep=(1000.0 * times).to(x.dtype),
            text_bth=embeddings,
            text_lens=whole if mask is None else mask.sum(dim=1),
            return_dict=False,
        )[0]
        return out
