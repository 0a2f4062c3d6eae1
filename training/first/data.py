"""Training data on disk: scenes drawn once, latents encoded once, captions as token ids."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL

from gdbench.mini.background import SIDE
from gdbench.mini.corpus import scene
from gdbench.mini.geometry import Pixels
from gdbench.mini.scenes import COLUMNS, RELATIONS
from training.first.tokenizer import MAX_LENGTH, build


def to_tensor(pixels: Pixels) -> torch.Tensor:
    """Turn uint8 images (n, 64, 64, 3) into float32 (n, 3, 64, 64) in -1..1."""
    images = torch.from_numpy(np.array(pixels)).permute(0, 3, 1, 2).contiguous()
    return images.float().div_(127.5).sub_(1)


def draw(
    folder: Path, count: int, *, shard: int = 0, shards: int = 1
) -> tuple[Pixels, list[list[str]]]:
    """Draw scenes `shard`, `shard + shards`, ... below `count`, or read them if they were drawn."""
    folder.mkdir(parents=True, exist_ok=True)
    pictures = folder / f"scenes-{count}-{shard}of{shards}.npy"
    captions = pictures.with_suffix(".json")
    if not captions.exists():
        indices = range(shard, count, shards)
        drawn = np.empty((len(indices), SIDE, SIDE, 3), dtype=np.uint8)
        texts = []
        for row, index in enumerate(indices):
            drawn[row], said = scene(index)
            texts.append(said)
        np.save(pictures, drawn)
        captions.write_text(json.dumps(texts))
    return np.load(pictures, mmap_mode="r"), json.loads(captions.read_text())


@torch.inference_mode()
def encode(vae: AutoencoderKL, pixels: Pixels, *, batch: int = 64) -> torch.Tensor:
    """Return the unscaled posterior means of images (n, 64, 64, 3): float16 (n, c, h, w)."""
    parts = []
    for start in range(0, len(pixels), batch):
        images = to_tensor(pixels[start : start + batch])
        with torch.autocast("cpu", torch.bfloat16):
            parts.append(vae.encode(images).latent_dist.mean.half())
    return torch.cat(parts)


def tokens(captions: list[list[str]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return token ids of all distinct captions (m, length), and three rows of it per scene (n, 3).

    A scene with fewer than three captions has some of them more than once.
    """
    rows: dict[str, int] = {}
    chosen = [[rows.setdefault(t, len(rows)) for t in (texts * 3)[:3]] for texts in captions]
    ids = build()(list(rows), padding="max_length", max_length=MAX_LENGTH, return_tensors="pt")
    return ids.input_ids, torch.tensor(chosen)


def latents(
    folder: Path, vae: AutoencoderKL, count: int, *, shards: int = 2
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return scaled latents of `count` scenes (n, c, h, w), token ids, rows into these, and draws.

    Draws are indices of scenes, those about places several times, being the hardest.
    Reads what `encode_shard` wrote and writes what is missing.
    """
    means, captions = [], []
    for shard in range(shards):
        path, texts = encode_shard(folder, vae, count, shard, shards)
        means.append(torch.load(path, weights_only=True))
        captions += texts
    ids, rows = tokens(captions)
    times = [_times(texts[0]) for texts in captions]
    draws = torch.arange(len(rows)).repeat_interleave(torch.tensor(times))
    return torch.cat(means) * vae.config.scaling_factor, ids, rows, draws


def _times(text: str) -> int:
    """Return how often a scene with this first caption is drawn."""
    if text.rsplit(" ", 1)[-1] in COLUMNS:
        return 6
    return 3 if any(f" {relation} " in text for relation in RELATIONS) else 1


def encode_shard(
    folder: Path, vae: AutoencoderKL, count: int, shard: int, shards: int
) -> tuple[Path, list[list[str]]]:
    """Encode every `shards`-th scene from `shard` on, if need be; return file and captions."""
    path = folder / f"latents-{count}-{shard}of{shards}.pt"
    pixels, texts = draw(folder, count, shard=shard, shards=shards)
    if not path.exists():
        torch.save(encode(vae, pixels), path.with_suffix(".new"))
        path.with_suffix(".new").replace(path)
    return path, texts
