"""Go on training mini-clip on the scenes of version 2.

`python -m training.clip --work FOLDER --minutes 25`: contrastive, as it began, and all layers.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import open_clip
import torch
from open_clip import ClipLoss

from training import data
from training.first.attention import full_precision_attention
from training.first.clip import export
from training.first.clip_probe import ClipMatcher
from training.first.data import to_tensor
from training.probe import figures
from training.running import Running

BATCH = 96
PEAK = 5e-4


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--base", type=Path, default=Path("gdbench/mini/weights/mini-clip"))
    parser.add_argument("--minutes", type=float, default=25)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    torch.set_num_threads(1)
    full_precision_attention()
    model = open_clip.create_model(f"local-dir:{given.base}", precision="fp32").train()
    run = Running(given.work, "mini-clip", [model], PEAK, given.seed)
    pictures = data.pictures(given.work / "data")
    ids, rows = data.captions(given.work / "data")
    rng, criterion = np.random.RandomState(given.seed + run.step), ClipLoss()

    def batch() -> torch.Tensor:
        chosen = rng.randint(0, len(rows), BATCH)
        pixels = np.stack([pictures[k // data.PART][k % data.PART] for k in chosen])
        captions = ids[rows[torch.from_numpy(chosen), torch.randint(0, rows.shape[1], (BATCH,))]]
        with torch.no_grad():
            model.logit_scale.clamp_(0, 4.6)
        with torch.autocast("cpu", torch.bfloat16):
            image, text, scale = model(to_tensor(pixels), captions)
        loss: torch.Tensor = criterion(image.float(), text.float(), scale.float())
        return loss

    def probe(parts: list[torch.nn.Module]) -> str:
        export(parts[0], given.work / "mini-clip")
        return f"validation: {figures(ClipMatcher(given.work / 'mini-clip').matrices, 60)}"

    run.train(given.minutes, batch, lambda parts: export(parts[0], given.work / "mini-clip"), probe)


if __name__ == "__main__":
    main()
