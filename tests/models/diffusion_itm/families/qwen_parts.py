"""Small random text encoders of the Qwen family, in the public classes, from a seed."""

from tokenizers.pre_tokenizers import ByteLevel
from transformers import (
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2Tokenizer,
    Qwen3Config,
    Qwen3ForCausalLM,
    Qwen3Model,
    Qwen3VLConfig,
    Qwen3VLModel,
)

from tests.models.diffusion_itm.families.parts import shaken

SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
CHAT = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if enable_thinking is defined and not enable_thinking %}<think></think>{% endif %}"
    "{% endif %}"
)


def tokenizer(**options):
    """One token a byte, and the chat's own tokens."""
    alphabet = sorted(ByteLevel.alphabet())
    made = Qwen2Tokenizer(
        vocab={word: number for number, word in enumerate([*alphabet, SPECIAL[0]])},
        merges=[],
        additional_special_tokens=list(SPECIAL[1:]),
        **options,
    )
    made.chat_template = CHAT
    return made


def sizes(words, wide, layers):
    """Of a small language model."""
    return {
        "vocab_size": words,
        "hidden_size": wide,
        "intermediate_size": 2 * wide,
        "num_hidden_layers": layers,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "max_position_embeddings": 2048,
        "tie_word_embeddings": False,
    }


def qwen2_5_vl(words, wide=16, layers=2):
    """Qwen2.5-VL, with an eye of the smallest size."""
    half = wide // 4  # half a head
    config = Qwen2_5_VLConfig(
        text_config=sizes(len(words), wide, layers)
        | {
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 10000.0,
                "mrope_section": [half - 2, 1, 1],
            }
        },
        vision_config={
            "depth": 1,
            "hidden_size": 16,
            "intermediate_size": 16,
            "num_heads": 2,
            "out_hidden_size": wide,
            "fullatt_block_indexes": [0],
        },
        image_token_id=0,
        video_token_id=1,
        vision_start_token_id=2,
        vision_end_token_id=3,
    )
    return shaken(Qwen2_5_VLForConditionalGeneration(config), 0.3)


def qwen3_vl(words, wide=16, layers=3):
    """Qwen3-VL without its head, with an eye of the smallest size."""
    config = Qwen3VLConfig(
        text_config=sizes(len(words), wide, layers)
        | {
            "head_dim": wide // 2,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 10000.0,
                "mrope_section": [wide // 4 - 2, 1, 1],
            },
        },
        vision_config={
            "depth": 1,
            "hidden_size": 16,
            "intermediate_size": 16,
            "num_heads": 2,
            "out_hidden_size": wide,
            "num_position_embeddings": 16,
            "deepstack_visual_indexes": [0],
        },
        image_token_id=0,
        video_token_id=1,
        vision_start_token_id=2,
        vision_end_token_id=3,
    )
    return shaken(Qwen3VLModel(config), 0.3)


def qwen3(words, wide=16, layers=3, kind=Qwen3ForCausalLM):
    """Qwen3, as a causal language model or without its head."""
    config = Qwen3Config(**sizes(len(words), wide, layers), head_dim=wide // 2)
    return shaken(kind(config), 0.3)


def qwen3_without_head(words, **options):
    """Qwen3 as an encoder."""
    return qwen3(words, kind=Qwen3Model, **options)
