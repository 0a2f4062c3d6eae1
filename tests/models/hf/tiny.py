# ruff: noqa: S106 # tokens of a tokenizer are no passwords
"""Tiny random models in the public classes of transformers, saved with processors made here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import tokenizers
import torch
import transformers as t
from PIL import Image
from tokenizers import models, normalizers, pre_tokenizers, processors

SENTENCES = (
    "a an the red green blue yellow picture photo of two dogs cat is this shows does figure show",
    "please answer yes no describe image user assistant and under over big small long caption with",
    'many words in it Yes No Does Please Describe " . ? : word text',
)
WORDS = [word for sentence in SENTENCES for word in sentence.split()]
SIDE = 32


def pictures(n: int = 3) -> list[Image.Image]:
    rng = np.random.default_rng(0)
    sizes = [(40, 32), (32, 48), (64, 32), (32, 32)]
    return [
        Image.fromarray(rng.integers(0, 255, (*sizes[k % 4][::-1], 3), dtype=np.uint8))
        for k in range(n)
    ]


def fast_tokenizer(signs: list[str], template: str, **more) -> t.PreTrainedTokenizerFast:
    """A tokenizer of whole words with the signs in front; `template` is where they are added."""
    vocabulary = {word: k for k, word in enumerate([*signs, *dict.fromkeys(WORDS)])}
    made = tokenizers.Tokenizer(models.WordLevel(vocabulary, unk_token=more["unk_token"]))
    if more.pop("lower", False):
        made.normalizer = normalizers.Lowercase()
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    used = [(s, vocabulary[s]) for s in signs if s in template]
    if template:
        made.post_processor = processors.TemplateProcessing(single=template, special_tokens=used)
    return t.PreTrainedTokenizerFast(tokenizer_object=made, **more)


def clip_tokenizer() -> t.CLIPTokenizer:
    """Letters as byte-level BPE without merges, as CLIP's own vocabulary begins."""
    letters = [chr(c) for c in range(33, 127)]
    vocabulary = letters + [f"{c}</w>" for c in letters] + ["<|startoftext|>", "<|endoftext|>"]
    return t.CLIPTokenizer(
        vocab={v: k for k, v in enumerate(vocabulary)}, merges=[], model_max_length=77
    )


def bert_tokenizer(length: int = 64) -> t.BertTokenizer:
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *dict.fromkeys(map(str.lower, WORDS))]
    return t.BertTokenizer(vocab={w: k for k, w in enumerate(words)}, model_max_length=length)


VISION = {
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2,
    "image_size": SIDE, "patch_size": 8,
}  # fmt: skip
TEXT = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
}


def images(kind: str) -> object:
    size = {"height": SIDE, "width": SIDE}
    return getattr(t, kind)(size=size, crop_size=size)


def _clip():
    words = clip_tokenizer()
    text = TEXT | {
        "vocab_size": len(words), "max_position_embeddings": 77,
        "bos_token_id": words.bos_token_id, "eos_token_id": words.eos_token_id,
    }  # fmt: skip
    config = t.CLIPConfig(text_config=text, vision_config=VISION, projection_dim=16)
    return t.CLIPModel(config), t.CLIPProcessor(images("CLIPImageProcessor"), words)


def _siglip_words(names: list[str]):
    return fast_tokenizer(
        ["<pad>", "</s>", "<unk>"], "$A </s>", pad_token="<pad>", eos_token="</s>",
        unk_token="<unk>", model_max_length=64, lower=True, model_input_names=names,
    )  # fmt: skip


def _siglip():
    words = _siglip_words(["input_ids"])
    text = TEXT | {"vocab_size": len(words), "max_position_embeddings": 64, "projection_size": 32}
    config = t.SiglipConfig(text_config=text, vision_config=VISION)
    return t.SiglipModel(config), t.SiglipProcessor(
        t.SiglipImageProcessor(size={"height": SIDE, "width": SIDE}), words
    )


def _siglip2():
    words = _siglip_words(["input_ids"])
    text = TEXT | {"vocab_size": len(words), "max_position_embeddings": 64, "projection_size": 32}
    vision = {k: v for k, v in VISION.items() if k != "image_size"}
    # the processor's own defaults, which it prefers to what is saved
    vision |= {"num_patches": 256, "patch_size": 16}
    config = t.Siglip2Config(text_config=text, vision_config=vision)
    return t.Siglip2Model(config), t.Siglip2Processor(t.Siglip2ImageProcessor(), words)


def _altclip():
    words = fast_tokenizer(
        ["<s>", "<pad>", "</s>", "<unk>"], "<s> $A </s>", bos_token="<s>", pad_token="<pad>",
        eos_token="</s>", unk_token="<unk>", cls_token="<s>", sep_token="</s>",
        model_max_length=60,
    )  # fmt: skip
    text = TEXT | {
        "vocab_size": len(words), "max_position_embeddings": 66, "project_dim": 24,
        "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2,
    }  # fmt: skip
    config = t.AltCLIPConfig(text_config=text, vision_config=VISION, projection_dim=16)
    return t.AltCLIPModel(config), t.AltCLIPProcessor(images("CLIPImageProcessor"), words)


def _metaclip2():
    words = fast_tokenizer(
        ["<s>", "<pad>", "</s>", "<unk>"], "<s> $A </s>", bos_token="<s>", pad_token="<pad>",
        eos_token="</s>", unk_token="<unk>", model_max_length=77,
    )  # fmt: skip
    text = TEXT | {
        "vocab_size": len(words), "max_position_embeddings": 77, "eos_token_id": 2,
        "bos_token_id": 0, "pad_token_id": 1,
    }  # fmt: skip
    config = t.MetaClip2Config(text_config=text, vision_config=VISION, projection_dim=16)
    return t.MetaClip2Model(config), t.CLIPProcessor(images("CLIPImageProcessor"), words)


def _chinese_clip():
    words = bert_tokenizer(512)
    text = TEXT | {"vocab_size": len(words), "max_position_embeddings": 512}
    config = t.ChineseCLIPConfig(text_config=text, vision_config=VISION, projection_dim=16)
    return t.ChineseCLIPModel(config), t.ChineseCLIPProcessor(
        images("ChineseCLIPImageProcessor"), words
    )


DUAL: dict[str, Callable[[], tuple[object, object]]] = {
    "CLIPModel": _clip,
    "SiglipModel": _siglip,
    "Siglip2Model": _siglip2,
    "AltCLIPModel": _altclip,
    "ChineseCLIPModel": _chinese_clip,
    # one that no file names: it has the shape
    "MetaClip2Model": _metaclip2,
}


def _blip():
    words = bert_tokenizer(64)
    text = TEXT | {
        "vocab_size": len(words), "max_position_embeddings": 64, "pad_token_id": 0,
        "bos_token_id": 2, "sep_token_id": 3, "eos_token_id": 3, "encoder_hidden_size": 32,
    }  # fmt: skip
    config = t.BlipConfig(text_config=text, vision_config=VISION, image_text_hidden_size=16)
    prepared = t.BlipImageProcessor(size={"height": SIDE, "width": SIDE})
    return t.BlipForImageTextRetrieval(config), t.BlipProcessor(prepared, words)


def _blip2():
    words = bert_tokenizer(64)
    prepared = t.BlipImageProcessor(size={"height": SIDE, "width": SIDE})
    processor = t.Blip2Processor(prepared, words, num_query_tokens=4)
    queries = TEXT | {
        "vocab_size": len(words), "max_position_embeddings": 64, "encoder_hidden_size": 32,
        "use_qformer_text_input": True,
    }  # fmt: skip
    config = t.Blip2Config(
        vision_config=VISION, qformer_config=queries, num_query_tokens=4,
        image_text_hidden_size=16, image_token_index=words.convert_tokens_to_ids("<image>"),
    )  # fmt: skip
    return t.Blip2ForImageTextRetrieval(config), processor


MATCHING = {"BlipForImageTextRetrieval": _blip, "Blip2ForImageTextRetrieval": _blip2}


def save(made: Callable[[], tuple[object, object]], folder: Path, **more) -> Path:
    """A model with larger weights than the usual small ones, so that features differ."""
    torch.manual_seed(0)
    model, processor = made()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim > 1 and "logit" not in name:
                parameter.normal_(0, 0.2)
    model.save_pretrained(folder, **more)
    processor.save_pretrained(folder)
    return folder
