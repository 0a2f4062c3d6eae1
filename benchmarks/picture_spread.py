"""How much denoising errors differ over pictures, and how much over texts: why normalising matters.

`python -m benchmarks.picture_spread RUN [RUN ...]`; each run is of a diffusion model on flickr30k.
Over pictures: the standard deviation of the error under the empty prompt over an item's ten
pictures. Over texts: that of the error of one picture over its ten captions. Both are means over
items, as shares of the mean error.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from gdbench.protocol import Query
from gdbench.submissions.finished import open_finished
from gdbench.submissions.manifest import ManifestSource


def spreads(run: Path) -> tuple[float, float, int]:
    """Return the spread over pictures, that over texts, and the number of items of each."""
    finished = open_finished(run / "flickr30k", ManifestSource())
    pictures, texts, level = [], [], []
    for label, scores in zip(finished.labels, finished.scores, strict=True):
        errors, base = scores.errors, scores.unconditional_errors
        if label.query is Query.IMAGE_RETRIEVAL and base is not None:
            each = base.mean(axis=-1)
            pictures.append(each.std(ddof=1))
            level.append(each.mean())
        elif errors is not None:
            texts.append(errors.mean(axis=-1)[0].std(ddof=1))
    middle = float(np.mean(level))
    return float(np.mean(pictures)) / middle, float(np.mean(texts)) / middle, len(pictures)


def main() -> None:
    """Print a line for each run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=Path, nargs="+")
    for run in parser.parse_args().runs:
        over_pictures, over_texts, n = spreads(run)
        print(
            f"{run.name}: over pictures {100 * over_pictures:.1f} %, over texts "
            f"{100 * over_texts:.2f} %, ratio {over_pictures / over_texts:.1f}, {n} items of each"
        )


if __name__ == "__main__":
    main()
