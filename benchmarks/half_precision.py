"""What half precision does to scores, beside what candidates differ by. On the CPU, or any device.

    python -m benchmarks.half_precision [--items 20] [--samples 10] [--device cpu] [--families]

For each bundled model (and with `--families` for a tiny random pipeline of each diffusion family,
as the tests make them) scores in float16 and bfloat16 against float32: the largest and the median
deviation of a score after the item's mean is taken out, the median difference between an item's
two best candidates, and how many decisions changed. A random network has no opinion, so its
candidates lie closer together than those of a trained one.
"""

from __future__ import annotations

import argparse
import importlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from gdbench.models import load_model
from gdbench.protocol import Item
from gdbench.tasks import TASKS

BUNDLED = ("mini-sd", "mini-sd-early", "mini-clip")
SOURCES = ("winoground", "aro", "clevr", "flickr30k")
TESTS = Path(__file__).parents[1] / "tests" / "models" / "diffusion_itm" / "families"


def questions(count: int) -> list[Item]:
    """Some items of several tasks of the mini suite."""
    return [item for name in SOURCES for item in islice(TASKS.get(name).items("mini"), count)]


def centred(model: Any, items: Sequence[Item]) -> list[np.ndarray]:
    """Scores of each item without their mean."""
    return [s.matrix - s.matrix.mean() for s in model.score_items(items)]


def margin(matrix: np.ndarray) -> float:
    """Difference between the two best candidates, over both sides of an item."""
    sides = [m for m in (matrix, matrix.T) if m.shape[1] > 1]
    gaps = [np.diff(np.sort(side, axis=1)[:, -2:], axis=1) for side in sides]
    return float(np.median(np.concatenate(gaps)))


def flips(a: np.ndarray, b: np.ndarray) -> int:
    """Whether a best candidate of an item is another one."""
    return int(any((x.argmax(1) != y.argmax(1)).any() for x, y in ((a, b), (a.T, b.T))))


def compare(name: str, source: str, items: Sequence[Item], **options: Any) -> None:
    """Print the rows of one model."""
    exact = centred(load_model(source, dtype="float32", **options), items)
    usual = float(np.median([margin(m) for m in exact]))
    for dtype in ("float16", "bfloat16"):
        rough = centred(load_model(source, dtype=dtype, **options), items)
        apart = np.concatenate([np.abs(a - b).ravel() for a, b in zip(exact, rough, strict=True)])
        changed = sum(flips(a, b) for a, b in zip(exact, rough, strict=True))
        print(
            f"{name:<22}{dtype:<10}deviation {np.median(apart):.1e}, at most {apart.max():.1e}; "
            f"candidates differ by {usual:.1e}; {changed} of {len(items)} decisions changed",
            flush=True,
        )


def families(folder: Path) -> Iterator[tuple[str, Path, dict[str, Any]]]:
    """Tiny random pipelines of all families, with the settings that their tests use."""
    for path in sorted(TESTS.glob("test_*.py")):
        module = importlib.import_module(f"tests.models.diffusion_itm.families.{path.stem}")
        # where the length of the tests would cut a caption here
        size = getattr(module, "LONG_ENOUGH", getattr(module, "SIZE", {}))
        for end, make in makers(module):
            name = path.stem.removeprefix("test_") + end
            if hasattr(module, "save"):
                module.save(folder / name)
            else:
                make().save_pretrained(folder / name)
            yield name, folder / name, size


def makers(module: Any) -> Iterator[tuple[str, Callable[[], Any]]]:
    """How a module of tests makes its pipelines, with what tells them apart."""
    if hasattr(module, "KINDS"):
        for kind in module.KINDS:
            yield f"_{kind}", partial(module.make, kind)
        return
    for name in ("make", "make_klein", "make_dev"):
        if hasattr(module, name):
            yield name.removeprefix("make"), getattr(module, name)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=20)
    parser.add_argument("--samples", type=int, default=10)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--families", action="store_true")
    options = parser.parse_args()
    items = questions(options.items)
    for name in BUNDLED:
        more = {} if "clip" in name else {"samples": options.samples}
        compare(name, name, items, device=options.device, **more)
    if options.families:
        with tempfile.TemporaryDirectory() as folder:
            for name, where, size in families(Path(folder)):
                few = items[:: max(1, len(items) // 12)]
                compare(name, str(where), few, samples=4, device=options.device, **size)


if __name__ == "__main__":
    main()
