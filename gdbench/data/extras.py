"""What is fetched beside the tasks' data: pictures and tables of fine-tuning, the paper's LoRAs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from gdbench.data.entry import Download, Entry

_ITM = "https://raw.githubusercontent.com/McGill-NLP/diffusion-itm"
_BOWS = "https://raw.githubusercontent.com/mertyg/vision-language-models-are-bows"
_BOWS_COMMIT = "3554a013091a286954deedc2bdb9aced7c831382"
COCO_VAL2014 = Download(
    "http://images.cocodataset.org/zips/val2014.zip",
    "coco_order/val2014.zip",
    unpack="coco_order",
    about="about 6.6 GB",
    size=6_645_013_297,
    license="Flickr terms of use",
)
"""Also those of ARO's word orders."""
_LORAS = {
    "hardneg-checkpoint-5000": "fe147e45e92034172508bbda64fcddae956dc242",
    "noneg-checkpoint-3000": "1d8205e575d87bdd2e13bd5bd85e740337851608",
}
_LORA_BYTES = 3_400_000
LORA = "lora"
EXTRAS: Mapping[str, Entry] = {
    "coco": Entry(
        expected={},
        license="annotations CC BY 4.0; pictures under Flickr terms",
        downloads=(
            Download(
                "http://images.cocodataset.org/zips/train2014.zip",
                "coco/train2014.zip",
                unpack="coco",
                about="about 13.5 GB",
                size=13_510_573_713,
                license="Flickr terms of use",
            ),
            COCO_VAL2014,
        ),
    ),
    "negclip": Entry(
        expected={},
        license="MIT",
        downloads=tuple(
            Download(
                f"{_BOWS}/{_BOWS_COMMIT}/temp_data/{name}",
                f"coco/{name}",
                alternatives=(
                    f"{_BOWS}/HEAD/temp_data/{name}",
                    f"{_ITM}/HEAD/aro/temp_data/{name}",
                ),
                about=about,
            )
            for name, about in (
                ("train_neg_clip.tsv", "tens of MB"),
                ("valid_neg_clip.tsv", "about 2 MB"),
            )
        ),
    ),
    LORA: Entry(
        expected={},
        license="not stated",
        downloads=tuple(
            Download(
                f"{_ITM}/{commit}/checkpoints/{name}/pytorch_lora_weights.bin",
                f"{name}/pytorch_lora_weights.bin",
                alternatives=(f"{_ITM}/HEAD/checkpoints/{name}/pytorch_lora_weights.bin",),
                about="3.4 MB",
                size=_LORA_BYTES,
            )
            for name, commit in _LORAS.items()
        ),
    ),
}
"""By what stands after `gdbench data fetch`."""


def lora_home() -> Path:
    """Where the paper's LoRAs lie: `$GDBENCH_LORA`, else `~/.cache/gdbench/lora`."""
    home = os.environ.get("GDBENCH_LORA", "")
    return Path(home) if home else Path.home() / ".cache" / "gdbench" / "lora"


def root_of(name: str, root: Path | None) -> Path | None:
    """The folder that a fetch writes to: the data root, for LoRAs their own."""
    return lora_home() if name == LORA else root
