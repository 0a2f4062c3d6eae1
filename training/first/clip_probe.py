"""Score held-out items with the mini CLIP, straight from open_clip."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import open_clip
import torch

from gdbench.protocol import Item
from training.first.data import to_tensor
from training.first.probe import Pair, drawn


class ClipMatcher:
    """Cosine similarities of images and texts."""

    def __init__(self, folder: Path) -> None:
        """Load model and tokenizer from an open_clip folder."""
        name = f"local-dir:{folder}"
        self.model = open_clip.create_model(name, precision="fp32").eval()
        self.tokenizer = open_clip.get_tokenizer(name)

    @torch.inference_mode()
    def matrices(self, items: list[Item]) -> list[Pair]:
        """Return (scores, scores) of each item: there is nothing to normalise."""
        results = []
        for item in items:
            pixels = np.stack([picture.pixels() for picture in drawn(item)])
            images = self.model.encode_image(to_tensor(pixels), normalize=True)
            texts = self.model.encode_text(self.tokenizer(list(item.texts)), normalize=True)
            scores = (images @ texts.T).double().numpy()
            results.append((scores, scores))
        return results
