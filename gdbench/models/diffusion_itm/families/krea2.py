"""Krea 2: a transformer on packed latents under several layers of Qwen3-VL.

Sources: Krea 2026; the layout is that of diffusers' Krea2Pipeline.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gdbench.errors import InputError
from gdbench.models.diffusion_itm.conditioning import Conditions
from gdbench.models.diffusion_itm.families.components import (
    SCHEDULER,
    Component,
    diffusers_part,
    index_options,
    transformers_part,
)
from gdbench.models.diffusion_itm.families.fitting import Fit, channels
from gdbench.models.diffusion_itm.families.flux import image_positions
from gdbench.models.diffusion_itm.families.frames import OneFrame
from gdbench.models.diffusion_itm.families.packing import SIDE, pack, unpack
from gdbench.models.digests import digest_text
from gdbench.records import Content

_TOKENS = 512
_DISTILLED_SHIFT = 1.15  # mu of the pipeline for its distilled networks
_LAYERS, _DISTILLED = "text_encoder_select_layers", "is_distilled"


class Krea2(OneFrame):
    """See `Pipeline`. The template is padded within, so that all texts have one length."""

    name = "krea-2"
    layout = "the layout of Krea 2"
    pipeline_class = "Krea2Pipeline"
    uses = frozenset({"max_length"})
    patch = SIDE
    components = (
        diffusers_part("transformer", "Krea2Transformer2DModel"),
        diffusers_part("vae", "AutoencoderKLQwenImage"),
        transformers_part("text_encoder", "Qwen3VLModel", "Qwen3VLForConditionalGeneration"),
        transformers_part("tokenizer", "Qwen2Tokenizer"),
        diffusers_part(SCHEDULER),
    )
    fits = (
        Fit(("text_encoder.hidden_size",), "transformer.text_hidden_dim"),
        *channels(gives="vae.z_dim", times=SIDE**2),
    )

    @classmethod
    def check_configs(cls, folder: Path) -> None:
        """See `Pipeline`."""
        side = index_options(folder).get("patch_size", SIDE)
        if side != SIDE:
            raise InputError(f"{folder}: model_index.json has patch_size {side}; expected {SIDE}")

    @classmethod
    def content_of(cls, folder: Path, present: tuple[Component, ...] | None = None) -> Content:
        """See `Pipeline`; also which layers are read, and the shift of its levels."""
        content = super().content_of(folder, present)
        options = index_options(folder)
        read = {
            "text_encoder_layers": digest_text(str(options.get(_LAYERS))),
            "distilled": digest_text(str(bool(options.get(_DISTILLED)))),
        }
        return Content(parts={**content.parts, **read})

    @property
    def max_length(self) -> int:
        """See `Pipeline`."""
        return self.settings.max_length or _TOKENS

    def readers(self) -> Sequence[tuple[Any, int]]:
        """See `Pipeline`; of the template's tokens, those before the caption are left out."""
        prompter = self.prompter
        before = int(prompter.prompt_template_encode_start_idx)
        after = int(prompter.prompt_template_encode_num_suffix_tokens)
        return [(self.modules["tokenizer"], before + self.max_length - after)]

    def template(self, text: str) -> str:
        """See `Pipeline`; what follows a caption is never cut."""
        return str(self.prompter.prompt_template_encode_prefix) + text

    def encode_texts(self, texts: Sequence[str]) -> Conditions:
        """The hidden states of the layers (B, L, layers, D), and their mask."""
        embeddings, mask = self.prompter.encode_prompt(
            prompt=list(texts), device=self.device, max_sequence_length=self.max_length
        )
        return {"embeddings": embeddings, "mask": mask.bool()}

    def moved_by(self, config: Mapping[str, Any]) -> float:
        """See `Pipeline`."""
        distilled = index_options(self.folder).get(_DISTILLED)
        return _DISTILLED_SHIFT if distilled else super().moved_by(config)

    def predict(self, x: Tensor, times: Tensor, conditions: Conditions) -> Tensor:
        """See `Pipeline`; e - z, told w."""
        _, _, height, width = x.shape
        embeddings = conditions["embeddings"]
        image = image_positions(height // SIDE, width // SIDE, x.float())
        text = image.new_zeros(embeddings.shape[1], 3)
        out: Tensor = self.network(
            hidden_states=pack(x),
            encoder_hidden_states=embeddings,
            timestep=times.to(x.dtype),
            position_ids=torch.cat([text, image]),
            encoder_attention_mask=conditions["mask"],
            return_dict=False,
        )[0]
        return unpack(out, height, width)
