"""Write the small golden set of the DiffusionITM engine: python -m tests.golden.make_diffusion_itm.

Made once, after the engine agreed to 1.2e-7 per timestep with the numbers of the 2023 release. It
is not to be made again because a test fails.
"""

import json
from pathlib import Path

import torch

from gdbench.data.images import MemoryImage
from gdbench.models.diffusion_itm.adapter import DiffusionITM
from gdbench.protocol import Item, Query
from tests.models.diffusion_itm.tiny import make_tiny_sd, picture

HERE = Path(__file__).parent
TEXTS = ("a red circle", "two dogs", "a sentence that is too long")


def item() -> Item:
    images = (MemoryImage(picture(1)), MemoryImage(picture(5, side=50)))
    return Item("golden", images, TEXTS, Query.ASSOCIATION, (0,), "")


def main() -> None:
    make_tiny_sd(HERE / "tiny-sd", wide=8, dtype=torch.float16)
    found = {}
    for compat in ("diffusion-itm-2023", None):
        model = DiffusionITM.from_pretrained(
            HERE / "tiny-sd", samples=10, compat=compat, device="cpu", batch_size=1
        )
        (scores,) = model.score_items([item()])
        found[compat or "default"] = {
            "timesteps": model.timesteps,
            "noise_sha256": model.noise_sha256,
            "errors": scores.errors.tolist(),
            "unconditional_errors": scores.unconditional_errors.tolist(),
            "scores": scores.matrix.tolist(),
        }
    (HERE / "diffusion_itm.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
