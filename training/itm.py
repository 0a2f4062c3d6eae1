"""Train mini-itm: BLIP's image-text matching head, in transformers' own class.

The picture's transformer starts from mini-clip's, as BLIP's starts from one that was trained
before; the words' vectors do too, everything else begins with nothing.

`python -m training.itm --work FOLDER --minutes 15`; `--start FOLDER` goes on from a mini-itm's
weights with a fresh optimiser. As in BLIP (arXiv 2201.12086): a contrastive loss of both
towers, and the head on true pairs and on hard negatives, which are drawn from the batch by their
contrastive similarity.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import torch
from torch.nn import functional
from transformers import (
    BertTokenizer,
    BlipConfig,
    BlipForImageTextRetrieval,
    BlipImageProcessor,
    BlipProcessor,
)

from gdbench.mini.background import SIDE
from gdbench.protocol import Item
from training import data
from training.first.attention import full_precision_attention
from training.first.data import to_tensor
from training.first.probe import Pair, drawn
from training.first.tokenizer import MAX_LENGTH, words
from training.first.tokenizer import build as build_clip_tokenizer
from training.probe import figures
from training.running import Running

BATCH = 48
PEAK = 1e-3
WIDTH, SHARED = 128, 64
MEAN = [0.5, 0.5, 0.5]


def tokenizer() -> BertTokenizer:
    """Return a tokenizer of whole words, letters for the rest."""
    letters = [chr(c) for c in range(33, 127)]
    signs = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    every = [*signs, *letters, *(f"##{c}" for c in letters), *words(), "five"]
    vocabulary = {word: place for place, word in enumerate(dict.fromkeys(every))}
    return BertTokenizer(vocab=vocabulary, model_max_length=MAX_LENGTH)


def build() -> BlipForImageTextRetrieval:
    """Return the untrained model."""
    sizes = {"num_attention_heads": 4, "intermediate_size": 3 * WIDTH, "hidden_size": WIDTH}
    text = sizes | {
        "vocab_size": len(tokenizer()),
        "num_hidden_layers": 3,
        "max_position_embeddings": MAX_LENGTH,
        "encoder_hidden_size": WIDTH,
        "pad_token_id": 0,
        "bos_token_id": 2,
        "sep_token_id": 3,
        "eos_token_id": 3,
    }
    vision = sizes | {"num_hidden_layers": 3, "image_size": SIDE, "patch_size": 8}
    config = BlipConfig(text_config=text, vision_config=vision, image_text_hidden_size=SHARED)
    return BlipForImageTextRetrieval(config)


@torch.no_grad()
def take_over(model: Any, folder: Path, pixels: torch.Tensor) -> None:
    """Start the picture's transformer and the words' vectors from a CLIP of open_clip.

    BLIP has no norm before its first layer. What CLIP's does there is folded into the embeddings
    with the mean and the deviation that `pixels` (n, 3, 64, 64) have on average.
    """
    name = f"local-dir:{folder}"
    clip = open_clip.create_model(name, precision="fp32").eval()
    old, new = clip.visual, model.vision_model
    patches = old.conv1(pixels).flatten(2).transpose(1, 2) + old.positional_embedding[1:]
    middle, spread = patches.mean(), patches.std(dim=-1).mean()
    gain, shift = old.ln_pre.weight / spread, old.ln_pre.bias - middle / spread * old.ln_pre.weight
    new.embeddings.patch_embedding.weight.copy_(old.conv1.weight * gain[:, None, None, None])
    new.embeddings.patch_embedding.bias.zero_()
    new.embeddings.position_embedding[0, 1:] = old.positional_embedding[1:] * gain + shift
    new.embeddings.position_embedding[0, 0] = 0
    first = old.class_embedding + old.positional_embedding[0]
    new.embeddings.class_embedding[0, 0] = old.ln_pre(first)
    for mine, theirs in zip(new.encoder.layers, old.transformer.resblocks, strict=True):
        mine.self_attn.qkv.weight.copy_(theirs.attn.in_proj_weight)
        mine.self_attn.qkv.bias.copy_(theirs.attn.in_proj_bias)
        for a, b in (
            (mine.self_attn.projection, theirs.attn.out_proj),
            (mine.layer_norm1, theirs.ln_1),
            (mine.layer_norm2, theirs.ln_2),
            (mine.mlp.fc1, theirs.mlp.c_fc),
            (mine.mlp.fc2, theirs.mlp.c_proj),
        ):
            a.load_state_dict(b.state_dict())
    new.post_layernorm.load_state_dict(old.ln_post.state_dict())
    rows, table = tokenizer().get_vocab(), model.text_encoder.embeddings.word_embeddings.weight
    scale = table.std() / clip.token_embedding.weight.std()
    theirs = build_clip_tokenizer().get_vocab()
    for word in words():
        table[rows[word]] = clip.token_embedding.weight[theirs[f"{word}</w>"]] * scale


def _features(
    model: BlipForImageTextRetrieval, pixels: torch.Tensor, ids: torch.Tensor, mask: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the picture's tokens (n, m, width), and both towers' unit vectors (n, shared)."""
    seen = model.vision_model(pixel_values=pixels).last_hidden_state
    read = model.text_encoder(input_ids=ids, attention_mask=mask).last_hidden_state
    image = functional.normalize(model.vision_proj(seen[:, 0]).float(), dim=-1)
    text = functional.normalize(model.text_proj(read[:, 0]).float(), dim=-1)
    return seen, image, text


def _matched(
    model: BlipForImageTextRetrieval, seen: torch.Tensor, ids: torch.Tensor, mask: torch.Tensor
) -> torch.Tensor:
    """Return the head's logits (n, 2): no match, match."""
    hidden = model.text_encoder(
        input_ids=ids,
        attention_mask=mask,
        encoder_hidden_states=seen,
        encoder_attention_mask=seen.new_ones(seen.shape[:2], dtype=mask.dtype),
    ).last_hidden_state
    logits: torch.Tensor = model.itm_head(hidden[:, 0])
    return logits


def loss(
    model: BlipForImageTextRetrieval,
    scale: torch.Tensor,
    pixels: torch.Tensor,
    ids: torch.Tensor,
    mask: torch.Tensor,
) -> torch.Tensor:
    """Return the sum of BLIP's contrastive and matching losses."""
    count = len(ids)
    with torch.autocast("cpu", torch.bfloat16):
        seen, image, text = _features(model, pixels, ids, mask)
    alike = scale.exp().clamp(max=100) * image @ text.T
    # the same caption twice in a batch is no negative
    same = (ids[:, None] == ids[None]).all(-1)
    alike = alike.masked_fill(same & ~torch.eye(count, dtype=torch.bool), -1e4)
    target = torch.arange(count)
    contrast = functional.cross_entropy(alike, target) + functional.cross_entropy(alike.T, target)
    with torch.no_grad():
        chances = alike.float().masked_fill(same, -1e4)
        other_text = torch.multinomial(chances.softmax(1) + 1e-6 * ~same, 1)[:, 0]
        other_image = torch.multinomial(chances.T.softmax(1) + 1e-6 * ~same, 1)[:, 0]
    with torch.autocast("cpu", torch.bfloat16):
        logits = _matched(
            model,
            torch.cat([seen, seen, seen[other_image]]),
            torch.cat([ids, ids[other_text], ids]),
            torch.cat([mask, mask[other_text], mask]),
        )
    truth = torch.zeros(3 * count, dtype=torch.long)
    truth[:count] = 1
    return contrast / 2 + functional.cross_entropy(logits.float(), truth)


class Matcher:
    """The head's difference of logits, as the harness scores it."""

    def __init__(self, model: Any) -> None:
        """Take the model as it is."""
        self.model, self.tokenizer = model, tokenizer()

    @torch.inference_mode()
    def matrices(self, items: list[Item]) -> list[Pair]:
        """Return (scores, scores) of each item: there is nothing to normalise."""
        found = []
        for item in items:
            pixels = to_tensor(np.stack([picture.pixels() for picture in drawn(item)]))
            seen = self.model.vision_model(pixel_values=pixels).last_hidden_state
            told = self.tokenizer(list(item.texts), padding=True, return_tensors="pt")
            count, texts = len(pixels), len(item.texts)
            logits = _matched(
                self.model,
                seen.repeat_interleave(texts, 0),
                told.input_ids.repeat(count, 1),
                told.attention_mask.repeat(count, 1),
            )
            scores = (logits[:, 1] - logits[:, 0]).reshape(count, texts).numpy()
            found.append((scores, scores))
        return found


def export(folder: Path, model: Any) -> None:
    """Write `folder` as `BlipForImageTextRetrieval.from_pretrained` reads it, in float16."""
    new = folder.with_name(folder.name + ".new")
    shutil.rmtree(new, ignore_errors=True)
    model.half().save_pretrained(new)
    size = {"height": SIDE, "width": SIDE}
    prepared = BlipImageProcessor(size=size, image_mean=MEAN, image_std=MEAN)
    BlipProcessor(prepared, tokenizer()).save_pretrained(new)
    shutil.rmtree(folder, ignore_errors=True)
    new.replace(folder)


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--clip", type=Path, default=Path("gdbench/mini/weights/mini-clip"))
    parser.add_argument("--start", type=Path, help="a mini-itm whose weights to go on from")
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--peak", type=float, default=PEAK, help="peak learning rate")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    torch.set_num_threads(1)
    full_precision_attention()
    torch.manual_seed(given.seed)
    scale = torch.nn.ParameterList([torch.tensor(2.66)])
    pictures, said = data.pictures(given.work / "data"), data.texts(given.work / "data")
    if given.start:
        start = BlipForImageTextRetrieval.from_pretrained(given.start, dtype=torch.float32)
        model = start.train()
    else:
        model = build()
        take_over(model, given.clip, to_tensor(pictures[0][:256]))
    run = Running(given.work, "mini-itm", (model, scale), given.peak, given.seed)
    captions = list(dict.fromkeys(text for texts in said for text in texts))
    place = {text: row for row, text in enumerate(captions)}
    told = tokenizer()(captions, padding=True, return_tensors="pt")
    rng = np.random.RandomState(given.seed + run.step)

    def batch() -> torch.Tensor:
        chosen = rng.randint(0, len(said), BATCH)
        pixels = np.stack([pictures[k // data.PART][k % data.PART] for k in chosen])
        rows = torch.tensor([place[said[k][rng.randint(len(said[k]))]] for k in chosen])
        mask = told.attention_mask[rows]
        longest = int(mask.sum(1).max())
        ids = told.input_ids[rows]
        return loss(model, scale[0], to_tensor(pixels), ids[:, :longest], mask[:, :longest])

    run.train(
        given.minutes,
        batch,
        lambda parts: export(given.work / "mini-itm", parts[0]),
        lambda parts: f"validation: {figures(Matcher(parts[0]).matrices, 60)}",
    )


if __name__ == "__main__":
    main()
