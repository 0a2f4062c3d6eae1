"""HunyuanDiT: a transformer under the tokens of BERT and mT5, each with a mask.

Sources: Li et al. 2024; the layout is that of diffusers' HunyuanDiTPipeline.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
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

_TRAINED_SIDES = (1024, 1024)  # what the pipeline tells as the size before scaling
_BASE = 512 // 8  # latents of a side that rotary positions are scaled to


class HunyuanDiT(Pipeline):
    """See `Pipeline`. The network is told the working size as target size, no crop, style 0."""

    name = "hunyuan-dit"
    layout = "the layout of HunyuanDiT"
    pipeline_class = "HunyuanDiTPipeline"
    predictions = frozenset({"epsilon", "v_prediction"})
    components = (
        diffusers_part("transformer", "HunyuanDiT2DModel"),
        diffusers_part("vae", "AutoencoderKL"),
        transformers_part("text_encoder", "BertModel"),
        transformers_part("text_encoder_2", "T5EncoderModel", "MT5EncoderModel"),
        transformers_part("tokenizer", "BertTokenizer"),
        transformers_part("tokenizer_2", "T5Tokenizer"),
        diffusers_part(SCHEDULER),
    )
    fits = (
        Fit(("text_encoder.hidden_size",), "transformer.cross_attention_dim"),
        Fit(("text_encoder_2.d_model",), "transformer.cross_attention_dim_t5"),
        *channels(),
    )

    def readers(self) -> Sequence[tuple[Any, int]]:
        """See `Pipeline`; the network has its own vectors for padding, one for each place."""
        config = self.network.config
        return [
            (self.modules["tokenizer"], int(config.text_len)),
            (self.modules["tokenizer_2"], int(config.text_len_t5)),
        ]

    def encode_texts(self, texts: Sequence[str]) -> Conditions:
        """Both encoders' tokens and which of them are no padding."""
        conditions: dict[str, Tensor] = {}
        for number, (_, length) in enumerate(self.readers()):
            embeddings, _, mask, _ = self.prompter.encode_prompt(
                list(texts),
                device=self.device,
                do_classifier_free_guidance=False,
                max_sequence_length=length,
                text_encoder_index=number,
            )
            conditions |= {f"embeddings_{number}": embeddings, f"mask_{number}": mask}
        return conditions

    def predict(self, x: Tensor, times: Tensor, conditions: Conditions) -> Tensor:
        """See `Pipeline`; the first half of the channels, the second is a variance."""
        batch = len(x)
        # original and target size, and the corner of the crop
        sizes = torch.tensor([*_TRAINED_SIDES, self.resolution, self.resolution, 0, 0])
        out: Tensor = self.network(
            x,
            # the network takes its precision from it
            times.to(x.dtype),
            encoder_hidden_states=conditions["embeddings_0"],
            text_embedding_mask=conditions["mask_0"],
            encoder_hidden_states_t5=conditions["embeddings_1"],
            text_embedding_mask_t5=conditions["mask_1"],
            image_meta_size=sizes.to(x).repeat(batch, 1),
            style=torch.zeros(batch, dtype=torch.long, device=x.device),
            image_rotary_emb=self.positions,
            return_dict=False,
        )[0]
        return out[:, : self.channels]

    @cached_property
    def positions(self) -> tuple[Tensor, Tensor]:
        """Cosines and sines of the patches' places, scaled as if the picture had 512 pixels."""
        from diffusers.models import embeddings
        from diffusers.pipelines.hunyuandit import pipeline_hunyuandit

        # no type information
        rotary: Any = embeddings.get_2d_rotary_pos_embed
        region: Any = pipeline_hunyuandit.get_resize_crop_region_for_grid
        _, height, width = self.latent_shape
        grid = (height // self.patch, width // self.patch)
        cosines: Tensor
        sines: Tensor
        cosines, sines = rotary(
            self.network.inner_dim // self.network.num_heads,
            region(grid, _BASE // self.patch),
            grid,
            device=self.device,
            output_type="pt",
        )
        return cosines, sines
