"""LongCat-Image: a transformer on packed latents under the hidden states of Qwen2.5-VL.

Sources: Meituan LongCat Team 2025; the layout is that of diffusers' LongCatImagePipeline.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from gdbench.models.diffusion_itm.conditioning import Conditions
from gdbench.models.diffusion_itm.families.base import Pipeline
from gdbench.models.diffusion_itm.families.components import (
    SCHEDULER,
    diffusers_part,
    transformers_part,
)
from gdbench.models.diffusion_itm.families.fitting import Fit, channels
from gdbench.models.diffusion_itm.families.flux import image_positions
from gdbench.models.diffusion_itm.families.ovis_image import text_positions
from gdbench.models.diffusion_itm.families.packing import SIDE, pack, unpack


class LongCatImage(Pipeline):
    """See `Pipeline`. A caption is read as it is: the pipeline's rewriting of it is left off."""

    name = "longcat-image"
    layout = "the layout of LongCat-Image"
    pipeline_class = "LongCatImagePipeline"
    patch = SIDE
    components = (
        diffusers_part("transformer", "LongCatImageTransformer2DModel"),
        diffusers_part("vae", "AutoencoderKL"),
        transformers_part("text_encoder", "Qwen2_5_VLForConditionalGeneration"),
        transformers_part("tokenizer", "Qwen2Tokenizer"),
        diffusers_part(SCHEDULER),
    )
    fits = (
        Fit(("text_encoder.hidden_size",), "transformer.joint_attention_dim"),
        *channels(times=SIDE**2),
    )

    def readers(self) -> Sequence[tuple[Any, int]]:
        """See `Pipeline`."""
        return [(self.modules["tokenizer"], int(self.prompter.tokenizer_max_length))]

    def is_cut(self, text: str) -> bool:
        """See `Pipeline`; what is in quotation marks is read letter by letter."""
        from diffusers.pipelines.longcat_image import pipeline_longcat_image

        split: Any = pipeline_longcat_image.split_quotation  # no type information
        ((tokenizer, length),) = self.readers()
        pieces = [
            piece for part, quoted in split(text) for piece in (list(part) if quoted else [part])
        ]
        read = [tokenizer(p, add_special_tokens=False, verbose=False) for p in pieces]
        return sum(len(tokens["input_ids"]) for tokens in read) > length

    def encode_texts(self, texts: Sequence[str]) -> Conditions:
        """The last hidden states (B, L, D) of the padded caption, without its template."""
        embeddings, _ = self.prompter.encode_prompt(prompt=list(texts))
        return {"embeddings": embeddings}

    def predict(self, x: Tensor, times: Tensor, conditions: Conditions) -> Tensor:
        """See `Pipeline`; e - z, told w. Positions of the picture begin where a text's end."""
        _, _, height, width = x.shape
        embeddings = conditions["embeddings"]
        # whole numbers beyond 256 need more than half precision
        like = x.float()
        length = self.max_length
        start = torch.tensor([1.0, length, length], device=x.device)
        out: Tensor = self.network(
            hidden_states=pack(x),
            timestep=times.to(x.dtype),
            guidance=None,
            encoder_hidden_states=embeddings,
            txt_ids=text_positions(embeddings.shape[1], like),
            img_ids=image_positions(height // SIDE, width // SIDE, like) + start,
            return_dict=False,
        )[0]
        return unpack(out, height, width)
