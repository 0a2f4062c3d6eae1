# ruff: noqa: S106 # tokens of a tokenizer are no passwords
"""Tiny random image-text-to-text models in the public classes of transformers."""

from __future__ import annotations

import torch
import transformers as t

from tests.models.hf.tiny import DUAL, MATCHING, SIDE, TEXT, VISION, fast_tokenizer, images

CHAT = (
    "{% for m in messages %}<s>user : {% for c in m['content'] %}"
    "{% if c['type'] == 'image' %}PICTURE{% else %}{{ c['text'] }}{% endif %}"
    "{% endfor %}</s>{% endfor %}{% if add_generation_prompt %}assistant : {% endif %}"
)


def chat_words(*signs: str, **more):
    return fast_tokenizer(
        ["<pad>", "<s>", "</s>", "<unk>", *signs], "", bos_token="<s>", pad_token="<pad>",
        eos_token="</s>", unk_token="<unk>", additional_special_tokens=list(signs), **more,
    )  # fmt: skip


LANGUAGE = TEXT | {
    "num_key_value_heads": 2, "max_position_embeddings": 512, "pad_token_id": 0,
    "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip


def _llava():
    words = chat_words("<image>")
    place = words.convert_tokens_to_ids("<image>")
    config = t.LlavaConfig(
        vision_config=t.CLIPVisionConfig(**VISION), image_token_index=place,
        text_config=t.LlamaConfig(**LANGUAGE, vocab_size=len(words)),
        vision_feature_layer=-1, image_seq_length=16,
    )  # fmt: skip
    processor = t.LlavaProcessor(
        images("CLIPImageProcessor"), words, patch_size=8, num_additional_image_tokens=1,
        vision_feature_select_strategy="default", chat_template=CHAT.replace("PICTURE", "<image>"),
    )  # fmt: skip
    return t.LlavaForConditionalGeneration(config), processor


_QWEN_SIGNS = ("<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>")


def _qwen(version: str):
    words = chat_words(
        *_QWEN_SIGNS, image_token="<|image_pad|>", video_token="<|video_pad|>",
        vision_bos_token=_QWEN_SIGNS[0], vision_eos_token=_QWEN_SIGNS[1],
    )  # fmt: skip
    start, end, image, video = words.convert_tokens_to_ids(list(_QWEN_SIGNS))
    rope = {"rope_type": "default", "mrope_section": [2, 1, 1], "rope_theta": 1e4}
    text = LANGUAGE | {
        "vocab_size": len(words), "rope_parameters": rope, "num_attention_heads": 4,
        "head_dim": 8,
    }  # fmt: skip
    vision = {
        "depth": 2, "hidden_size": 32, "intermediate_size": 48, "num_heads": 2, "patch_size": 8,
        "spatial_merge_size": 2, "temporal_patch_size": 2, "out_hidden_size": 32,
    }  # fmt: skip
    vision |= (
        {"fullatt_block_indexes": [1], "window_size": 32, "tokens_per_second": 2}
        if version == "2_5"
        else {"num_position_embeddings": 64, "deepstack_visual_indexes": [0, 1]}
    )
    config = getattr(t, f"Qwen{version}{'_' if version == '2_5' else ''}VLConfig")(
        text_config=text, vision_config=vision, image_token_id=image, video_token_id=video,
        vision_start_token_id=start, vision_end_token_id=end,
    )  # fmt: skip
    images = t.Qwen2VLImageProcessor(
        patch_size=8, merge_size=2, min_pixels=16 * 16, max_pixels=48 * 48
    )
    kind = "Qwen2_5_VLProcessor" if version == "2_5" else "Qwen3VLProcessor"
    template = CHAT.replace("PICTURE", "<|vision_start|><|image_pad|><|vision_end|>")
    processor = getattr(t, kind)(images, words, t.Qwen2VLVideoProcessor(), chat_template=template)
    name = "Qwen2_5_VL" if version == "2_5" else "Qwen3VL"
    return getattr(t, f"{name}ForConditionalGeneration")(config), processor


def _idefics3():
    signs = ("<image>", "<fake_token_around_image>", "<global-img>", "<end_of_utterance>")
    parts = tuple(f"<row_{r}_col_{c}>" for r in range(1, 4) for c in range(1, 4))
    words = chat_words(*signs, *parts)
    config = t.Idefics3Config(
        vision_config=VISION, text_config=t.LlamaConfig(**LANGUAGE, vocab_size=len(words)),
        scale_factor=2, image_token_id=words.convert_tokens_to_ids("<image>"), pad_token_id=0,
    )  # fmt: skip
    images = t.Idefics3ImageProcessor(
        size={"longest_edge": 64}, max_image_size={"longest_edge": SIDE}
    )
    processor = t.Idefics3Processor(
        images, words, image_seq_len=4, chat_template=CHAT.replace("PICTURE", "<image>")
    )
    return t.Idefics3ForConditionalGeneration(config), processor


def _square(kind: str, **more):
    return getattr(t, kind)(size={"height": SIDE, "width": SIDE}, **more)


def _llava_next():
    words = chat_words("<image>")
    grid = [[32, 64], [64, 32], [64, 64]]
    config = t.LlavaNextConfig(
        vision_config=t.CLIPVisionConfig(**VISION),
        image_token_index=words.convert_tokens_to_ids("<image>"),
        text_config=t.LlamaConfig(**LANGUAGE, vocab_size=len(words)), vision_feature_layer=-1,
        image_grid_pinpoints=grid,
    )  # fmt: skip
    prepared = t.LlavaNextImageProcessor(
        size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE},
        image_grid_pinpoints=grid,
    )  # fmt: skip
    processor = t.LlavaNextProcessor(
        prepared, words, patch_size=8, num_additional_image_tokens=1,
        vision_feature_select_strategy="default", chat_template=CHAT.replace("PICTURE", "<image>"),
    )  # fmt: skip
    return t.LlavaNextForConditionalGeneration(config), processor


def _llava_onevision():
    words = chat_words("<image>", "<video>")
    place, video = words.convert_tokens_to_ids(["<image>", "<video>"])
    grid = [[32, 32], [32, 64], [64, 32], [64, 64]]
    config = t.LlavaOnevisionConfig(
        vision_config=t.SiglipVisionConfig(**VISION), image_token_index=place,
        video_token_index=video, text_config=t.Qwen2Config(**LANGUAGE, vocab_size=len(words)),
        vision_feature_layer=-1, image_grid_pinpoints=grid,
    )  # fmt: skip
    processor = t.LlavaOnevisionProcessor(
        _square("LlavaOnevisionImageProcessor", image_grid_pinpoints=grid), words,
        t.LlavaOnevisionVideoProcessor(), num_image_tokens=16,
        vision_feature_select_strategy="full", chat_template=CHAT.replace("PICTURE", "<image>"),
    )  # fmt: skip
    return t.LlavaOnevisionForConditionalGeneration(config), processor


def _gemma3():
    signs = ("<start_of_image>", "<image_soft_token>", "<end_of_image>")
    words = chat_words(*signs, boi_token=signs[0], image_token=signs[1], eoi_token=signs[2])
    start, place, end = words.convert_tokens_to_ids(list(signs))
    text = LANGUAGE | {"vocab_size": len(words), "head_dim": 16, "sliding_window": 64}
    config = t.Gemma3Config(
        text_config=t.Gemma3TextConfig(**text), vision_config=t.SiglipVisionConfig(**VISION),
        mm_tokens_per_image=4, boi_token_index=start, image_token_index=place, eoi_token_index=end,
    )  # fmt: skip
    processor = t.Gemma3Processor(
        _square("Gemma3ImageProcessor"), words, image_seq_length=4,
        chat_template=CHAT.replace("PICTURE", "<start_of_image>"),
    )  # fmt: skip
    return t.Gemma3ForConditionalGeneration(config), processor


def _internvl():
    signs = ("<img>", "</img>", "<IMG_CONTEXT>", "<video>")
    words = chat_words(
        *signs, start_image_token=signs[0], end_image_token=signs[1],
        context_image_token=signs[2], video_token=signs[3],
    )  # fmt: skip
    config = t.InternVLConfig(
        text_config=t.Qwen2Config(**LANGUAGE, vocab_size=len(words)),
        vision_config=VISION | {"image_size": [SIDE, SIDE], "patch_size": [8, 8]},
        image_token_id=words.convert_tokens_to_ids(signs[2]), image_seq_length=4,
        vision_feature_layer=-1,
    )  # fmt: skip
    processor = t.InternVLProcessor(
        _square("GotOcr2ImageProcessor"), words, t.InternVLVideoProcessor(), image_seq_length=4,
        chat_template=CHAT.replace("PICTURE", "<IMG_CONTEXT>"),
    )  # fmt: skip
    return t.InternVLForConditionalGeneration(config), processor


def _paligemma():
    words = chat_words("<image>")
    config = t.PaliGemmaConfig(
        vision_config=t.SiglipVisionConfig(**VISION, projection_dim=32), projection_dim=32,
        text_config=t.GemmaConfig(**LANGUAGE, head_dim=16, vocab_size=len(words)),
        image_token_index=words.convert_tokens_to_ids("<image>"),
    )  # fmt: skip
    prepared = _square("SiglipImageProcessor")
    prepared.image_seq_length = 16
    processor = t.PaliGemmaProcessor(
        prepared, words, chat_template=CHAT.replace("PICTURE", "<image>")
    )
    return t.PaliGemmaForConditionalGeneration(config), processor


def _mllama():
    words = chat_words("<|image|>", "<|python_tag|>")
    vision = {
        "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_global_layers": 1,
        "attention_heads": 2, "image_size": SIDE, "patch_size": 8, "max_num_tiles": 1,
        "vision_output_dim": 64, "intermediate_layers_indices": [0],
        "supported_aspect_ratios": [[1, 1]],
    }  # fmt: skip
    text = LANGUAGE | {
        "vocab_size": len(words), "num_hidden_layers": 3, "cross_attention_layers": [1],
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e4},
    }  # fmt: skip
    config = t.MllamaConfig(
        vision_config=vision, text_config=text,
        image_token_index=words.convert_tokens_to_ids("<|image|>"),
    )  # fmt: skip
    processor = t.MllamaProcessor(
        _square("MllamaImageProcessor", max_image_tiles=1), words,
        chat_template=CHAT.replace("PICTURE", "<|image|>"),
    )  # fmt: skip
    model = t.MllamaForConditionalGeneration(config)
    for name, parameter in model.named_parameters():
        if "gate" in name:
            # zero at the start of training: the picture would not be seen
            torch.nn.init.ones_(parameter)
    return model, processor


def _blip2_t5():
    """BLIP-2 over an encoder-decoder, as FlanT5 is one; its processor puts the picture first."""
    words = fast_tokenizer(
        ["<pad>", "</s>", "<unk>", "<image>"], "$A </s>", pad_token="<pad>", eos_token="</s>",
        unk_token="<unk>", additional_special_tokens=["<image>"],
    )  # fmt: skip
    prepared = t.BlipImageProcessor(size={"height": SIDE, "width": SIDE})
    processor = t.Blip2Processor(prepared, words, num_query_tokens=4)
    queries = TEXT | {"vocab_size": len(words), "encoder_hidden_size": 32}
    config = t.Blip2Config(
        vision_config=VISION, qformer_config=queries, num_query_tokens=4,
        text_config=t.T5Config(
            vocab_size=len(words), d_model=32, d_kv=8, d_ff=48, num_layers=2, num_heads=4,
            decoder_start_token_id=0, pad_token_id=0, eos_token_id=1,
        ),
        image_token_index=words.convert_tokens_to_ids("<image>"),
    )  # fmt: skip
    return t.Blip2ForConditionalGeneration(config), processor


DECODING = {"Blip2ForConditionalGeneration": _blip2_t5}
GENERATIVE = {
    "LlavaForConditionalGeneration": _llava,
    "Qwen2_5_VLForConditionalGeneration": lambda: _qwen("2_5"),
    "Qwen3VLForConditionalGeneration": lambda: _qwen("3"),
    "Idefics3ForConditionalGeneration": _idefics3,
}
OTHERS = {
    "LlavaNextForConditionalGeneration": _llava_next,
    "LlavaOnevisionForConditionalGeneration": _llava_onevision,
    "Gemma3ForConditionalGeneration": _gemma3,
    "InternVLForConditionalGeneration": _internvl,
    "PaliGemmaForConditionalGeneration": _paligemma,
    "MllamaForConditionalGeneration": _mllama,
}
ALL = DUAL | MATCHING | GENERATIVE | OTHERS
