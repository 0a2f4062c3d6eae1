"""Does memory grow with the number of items? Peak of 1,000 and of 100,000, in two processes.

    python -m benchmarks.memory [--items 100000] [--json FILE]

The network and both encoders are replaced by trivial ones, so that what is measured is the
engine's own bookkeeping: queues, caches, shared errors. Every item has a picture and two texts of
its own, the worst case for the caches.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from PIL import Image

from benchmarks.scaled_model import scaled_sd_folder
from gdbench.environment import peak_memory_bytes
from gdbench.models.diffusion_itm.adapter import DiffusionITM
from gdbench.models.diffusion_itm.conditioning import Prompt
from gdbench.models.diffusion_itm.families.sd import EMBEDDINGS
from gdbench.protocol import Item, Query

SAMPLES = 10


@dataclass(frozen=True)
class Numbered:
    """A picture that is nothing but its number."""

    number: int

    @property
    def sha256(self) -> str:
        """Its key."""
        return f"{self.number:064x}"

    def open(self) -> Image.Image:
        """A small picture."""
        return Image.new("RGB", (8, 8))


def items(count: int) -> Iterator[Item]:
    """Items that have nothing in common."""
    for n in range(count):
        texts = (f"text {n}", f"other {n}")
        yield Item(str(n), (Numbered(n),), texts, Query.ASSOCIATION, (0,), "")


def peak(folder: Path, count: int) -> int:
    """Score `count` items and report the peak memory of this process in bytes."""
    torch.set_num_threads(1)
    model: Any = DiffusionITM.from_pretrained(folder, samples=SAMPLES, batch_size=64)
    wide = model.pipeline.network.config.cross_attention_dim
    # nothing is encoded: what is measured is what is kept
    model.encoders._encode_picture = lambda _: torch.zeros(model.pipeline.latent_shape)  # noqa: SLF001 # as above
    model.encoders._encode_texts = lambda texts: [  # noqa: SLF001 # as above
        Prompt({EMBEDDINGS: torch.zeros(77, wide)}) for _ in texts
    ]
    model.batcher.denoiser = SimpleNamespace(
        prediction="epsilon", errors=lambda *given: torch.ones(len(given[3][EMBEDDINGS]))
    )
    done = sum(1 for _ in model.score_items(items(count)))
    if done != count:
        sys.exit(f"{done} of {count} items came back")
    return peak_memory_bytes()


def main() -> None:
    """Measure both, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    folder = scaled_sd_folder(16)
    spawn = multiprocessing.get_context("spawn")  # a fresh process: its peak is its own
    found = {}
    for count in (1_000, options.items):
        with ProcessPoolExecutor(1, mp_context=spawn) as pool:
            found[count] = pool.submit(peak, folder, count).result()
        print(f"{count:>9,} items: {found[count] / 2**20:.0f} MiB")
    few, many = found.values()
    print(f"growth: {100 * (many / few - 1):+.1f} %")
    if options.json:
        options.json.write_text(json.dumps({"peak_bytes": found}), encoding="utf-8")


if __name__ == "__main__":
    main()
