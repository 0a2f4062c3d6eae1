"""HiDream-I1: a mixture of experts under two CLIPs, T5 and all layers of Llama 3.

Sources: HiDream.ai 2025; the layout is that of diffusers' HiDreamImagePipeline.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from gdbench.models.diffusion_itm.families.noise_levels import dynamic_shift

_TOKENS = 128


class HiDreamImage(Pipeline):
    """See `Pipeline`."""

    name = "hidream-image"
    layout = "the layout of HiDream-I1"
    pipeline_class = "HiDreamImagePipeline"
    uses = frozenset({"max_length"})
    components = (
        diffusers_part("transformer", "HiDreamImageTransformer2DModel"),
        diffusers_part("vae", "AutoencoderKL"),
        transformers_part("text_encoder", "CLIPTextModelWithProjection"),
        transformers_part("text_encoder_2", "CLIPTextModelWithProjection"),
        transformers_part("text_encoder_3", "T5EncoderModel"),
        transformers_part("text_encoder_4", "LlamaForCausalLM"),
        transformers_part("tokenizer", "CLIPTokenizer"),
        transformers_part("tokenizer_2", "CLIPTokenizer"),
        transformers_part("tokenizer_3", "T5Tokenizer"),
        transformers_part("tokenizer_4", "PreTrainedTokenizerFast"),
        diffusers_part(SCHEDULER),
    )
    fits = (
        Fit(("text_encoder_3.d_model",), "transformer.caption_channels.0"),
        Fit(("text_encoder_4.hidden_size",), "transformer.caption_channels.1"),
        Fit(
            ("text_encoder.projection_dim", "text_encoder_2.projection_dim"),
            "transformer.text_emb_dim",
            what="numbers per text",
        ),
        *channels(),
    )

    def readers(self) -> Sequence[tuple[Any, int]]:
        """See `Pipeline`; CLIP's tokens do not reach the network one by one."""
        asked = self.settings.max_length or _TOKENS
        tokenizers = (self.modules["tokenizer_3"], self.modules["tokenizer_4"])
        return [(tokenizer, min(asked, tokenizer.model_max_length)) for tokenizer in tokenizers]

    def encode_texts(self, texts: Sequence[str]) -> Conditions:
        """T5's tokens, Llama's of every layer (B, layers, L, D), and CLIP's pooled vectors."""
        t5, _, llama, _, pooled, _ = self.prompter.encode_prompt(
            prompt=list(texts),
            device=self.device,
            do_classifier_free_guidance=False,
            max_sequence_length=self.settings.max_length or _TOKENS,
        )
        return {"t5": t5, "llama": llama.transpose(0, 1), "pooled": pooled}

    def moved_by(self, config: Mapping[str, Any]) -> float:
        """See `Pipeline`; of the longest sequence, whatever the resolution, as in the pipeline."""
        del config
        return dynamic_shift({}, self.network.max_seq)

    def predict(self, x: Tensor, times: Tensor, conditions: Conditions) -> Tensor:
        """See `Pipeline`; e - z, told 1000 w. The network predicts z - e."""
        out: Tensor = self.network(
            hidden_states=x,
            timesteps=1000.0 * times,
            encoder_hidden_states_t5=conditions["t5"],
            encoder_hidden_states_llama3=conditions["llama"].transpose(0, 1),
            pooled_embeds=conditions["pooled"],
            return_dict=False,
        )[0]
        return -out
