"""Training scenes of version 2 on disk: drawn once, latents encoded once.

`python -m training.data --work FOLDER --scenes 60000` may be stopped and goes on where it was.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL

from gdbench.mini.background import SIDE
from gdbench.mini.geometry import Pixels
from gdbench.mini.graded.corpus import scene
from training.first.data import encode, tokens

PART = 2_000
"""Scenes of one file."""


def write_part(folder: Path, part: int, vae: AutoencoderKL) -> None:
    """Draw and encode scenes `part * PART` and on, unless they are there."""
    pictures = folder / f"scenes-{part:03d}.npy"
    if pictures.exists():
        return
    drawn = np.empty((PART, SIDE, SIDE, 3), dtype=np.uint8)
    said: list[list[str]] = []
    for row in range(PART):
        drawn[row], captions_ = scene(part * PART + row)
        said.append(captions_)
    torch.save(encode(vae, drawn), folder / f"latents-{part:03d}.pt")
    (folder / f"captions-{part:03d}.json").write_text(json.dumps(said))
    new = pictures.with_suffix(".new.npy")
    np.save(new, drawn)
    new.replace(pictures)


def parts(folder: Path) -> list[int]:
    """Return the numbers of the parts that are whole."""
    return sorted(int(path.stem[-3:]) for path in folder.glob("scenes-[0-9][0-9][0-9].npy"))


def texts(folder: Path) -> list[list[str]]:
    """Return the captions of all scenes, one list for each."""
    files = [folder / f"captions-{part:03d}.json" for part in parts(folder)]
    return [said for file in files for said in json.loads(file.read_text())]


def captions(folder: Path) -> tuple[torch.Tensor, torch.Tensor]:
    """Return token ids of all captions (m, length), and three rows of it per scene (n, 3)."""
    return tokens(texts(folder))


def latents(folder: Path) -> torch.Tensor:
    """Return the unscaled posterior means of all scenes: float16 (n, c, h, w)."""
    found = [torch.load(folder / f"latents-{p:03d}.pt", weights_only=True) for p in parts(folder)]
    return torch.cat(found)


def pictures(folder: Path) -> list[Pixels]:
    """Return the scenes part by part, each uint8 (PART, 64, 64, 3), read as they are asked for."""
    return [np.load(folder / f"scenes-{p:03d}.npy", mmap_mode="r") for p in parts(folder)]


def main() -> None:
    """Draw what is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--first", type=int, default=0, help="scene to begin with")
    parser.add_argument("--scenes", type=int, default=60_000, help="scene to end before")
    parser.add_argument("--vae", type=Path, default=Path("gdbench/mini/weights/mini-sd/vae"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    arguments.work.mkdir(parents=True, exist_ok=True)
    vae = AutoencoderKL.from_pretrained(arguments.vae, torch_dtype=torch.float32).eval()
    for part in range(arguments.first // PART, arguments.scenes // PART):
        write_part(arguments.work, part, vae)
        print(f"part {part}", flush=True)


if __name__ == "__main__":
    main()
