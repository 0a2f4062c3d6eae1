"""Z-Image: a single-stream transformer under the hidden states of Qwen3.

Sources: Z-Image Team 2025; the layout is that of diffusers' ZImagePipeline.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from gdbench.errors import InputError
from gdbench.models.diffusion_itm.conditioning import Conditions
from gdbench.models.diffusion_itm.families.components import (
    SCHEDULER,
    diffusers_part,
    transformers_part,
)
from gdbench.models.diffusion_itm.families.fitting import Fit, channels
from gdbench.models.diffusion_itm.families.lengths import OwnLength
from gdbench.models.diffusion_itm.families.packing import SIDE

_TOKENS = 512


class ZImage(OwnLength):
    """See `Pipeline`. The network pads texts itself, with a token that it has learned."""

    name = "z-image"
    layout = "the layout of Z-Image"
    pipeline_class = "ZImagePipeline"
    uses = frozenset({"max_length"})
    patch = SIDE
    components = (
        diffusers_part("transformer", "ZImageTransformer2DModel"),
        diffusers_part("vae", "AutoencoderKL"),
        transformers_part("text_encoder", "Qwen3Model", "Qwen3ForCausalLM"),
        transformers_part("tokenizer", "Qwen2Tokenizer"),
        diffusers_part(SCHEDULER),
    )
    fits = (
        Fit(("text_encoder.hidden_size",), "transformer.cap_feat_dim"),
        *channels(),
    )

    def check(self) -> None:
        """See `Pipeline`."""
        captions, rows, _ = self.network.config.axes_lens
        # the first place is counted from one, and the picture's comes after the caption's last
        most = captions - 2
        if self.max_length > most:
            raise InputError(
                f"--max-length {self.max_length}: this network has positions for {most} tokens"
            )
        chosen, side = self.settings.resolution, rows * self.patch * self.vae_factor
        if chosen is not None and chosen > side:
            raise InputError(
                f"--resolution {chosen}: this network has positions for {side} pixels at most"
            )

    def readers(self) -> Sequence[tuple[Any, int]]:
        """See `Pipeline`; the template counts."""
        return [(self.modules["tokenizer"], self.settings.max_length or _TOKENS)]

    def template(self, text: str) -> str:
        """See `Pipeline`."""
        return chat(self.modules["tokenizer"], text, thinks=True)

    def encode_texts(self, texts: Sequence[str]) -> Conditions:
        """The last hidden states but one (1, L, D) of the whole template."""
        embeddings, _ = self.prompter.encode_prompt(
            prompt=list(texts),
            device=self.device,
            do_classifier_free_guidance=False,
            max_sequence_length=self.max_length,
        )
        return {"embeddings": torch.stack(embeddings)}

    def predict(self, x: Tensor, times: Tensor, conditions: Conditions) -> Tensor:
        """See `Pipeline`; e - z. The network is told 1 - w and predicts z - e."""
        embeddings = list(conditions["embeddings"].unbind())
        if "mask" in conditions:
            lengths = conditions["mask"].sum(1).tolist()
            embeddings = [row[:length] for row, length in zip(embeddings, lengths, strict=True)]
        # pictures are videos of one frame
        pictures = list(x[:, :, None].unbind())
        out: list[Tensor] = self.network(pictures, 1.0 - times, embeddings, return_dict=False)[0]
        return -torch.stack(out)[:, :, 0]


def chat(tokenizer: Any, text: str, *, thinks: bool) -> str:  # no type information
    """What a user's message with an opened answer is in a tokenizer's chat template."""
    return str(
        tokenizer.apply_chat_template(
            [{"role": "user", "content": text}],
            tokenize=False,
            add_generation_prompt=True,
            enable_thinking=thinks,
        )
    )
