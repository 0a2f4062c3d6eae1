"""Errors of the full budget in small files, so that anyone can replay a rule in minutes.

    python -m benchmarks.kept_errors --errors DIR [--again DIR] --out benchmarks/errors/mini-sd

Writes what full_errors.py computed, a file for each kind: for every item the mean over its
candidates at each timestep in single precision, and what a candidate is above or below it in half
precision. Rounding moves a difference of two candidates by less than a thousandth of its spread
over timesteps; that no decision of the full budget changes is checked. `--again` is a folder with
another seed, of which only the decisions are kept.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.full_errors import KINDS, SAMPLES, Known, items_of, read
from benchmarks.replay import decision, matrix, prefix
from gdbench.protocol import Query

ROOT = Path(__file__).parent / "errors"
NOT_RUN = -1  # with another seed: the item was sure


def whole(item: Known) -> int | tuple[bool, ...]:
    """What the full budget decides."""
    return decision(item.query, matrix(item, prefix(SAMPLES)(item)))


def file_of(folder: Path, kind: str) -> Path:
    """Where the errors of a kind are kept."""
    return folder / f"{kind.replace(' ', '')}.npz"


def _rows(item: Known) -> NDArray[np.float64]:
    """Candidates first, then the unconditional errors of the images: (n_rows, SAMPLES)."""
    rows = item.errors.reshape(-1, SAMPLES)
    return rows if item.base is None else np.concatenate([rows, item.base])


def pack(items: Sequence[Known], again: dict[str, Known], golds: dict[str, int]) -> dict[str, Any]:
    """Arrays of a file."""
    centres, rest, lengths = [], [], []
    for item in items:
        rows = _rows(item)
        candidates = rows[: item.errors[..., 0].size]
        known = np.isfinite(candidates)
        sums = np.where(known, candidates, 0).sum(axis=0)
        centre = (sums / np.maximum(known.sum(axis=0), 1)).astype(np.float32)
        centres.append(centre)
        lengths.append(np.isfinite(rows).sum(axis=1))
        rest += [(row - centre)[:n] for row, n in zip(rows, lengths[-1], strict=True)]
    other = [whole(again[i.id]) if i.id in again else NOT_RUN for i in items]
    return {
        "ids": np.array([i.id for i in items]),
        "queries": np.array([i.query.value for i in items]),
        "gold": np.array([golds[i.id] for i in items], np.int16),
        "shapes": np.array([i.errors.shape[:2] for i in items], np.int16),
        "has_base": np.array([i.base is not None for i in items]),
        "images": np.array([image for i in items for image in i.images]),
        "centres": np.array(centres),
        "lengths": np.concatenate(lengths).astype(np.int16),
        "rest": np.concatenate(rest).astype(np.float16),
        "other_seed": np.array(other, np.int16),
    }


class Kept(NamedTuple):
    """The items of a kind, and what is known of them beside their errors."""

    items: list[Known]
    gold: NDArray[np.int16]  # (n_items,)
    other_seed: NDArray[np.int16]  # (n_items,) best candidate, or NOT_RUN


def unpack(arrays: Any) -> Kept:
    """The items of a file, in double precision."""
    items, row, value, image = [], 0, 0, 0
    for k, name in enumerate(arrays["ids"].tolist()):
        n_images, n_texts = arrays["shapes"][k].tolist()
        count = n_images * n_texts + (n_images if arrays["has_base"][k] else 0)
        rows = np.full((count, SAMPLES), np.nan)
        for filled, n in zip(rows, arrays["lengths"][row : row + count].tolist(), strict=True):
            filled[:n] = arrays["centres"][k, :n] + arrays["rest"][value : value + n].astype(float)
            value += n
        row += count
        errors = rows[: n_images * n_texts].reshape(n_images, n_texts, SAMPLES)
        base = rows[n_images * n_texts :] if arrays["has_base"][k] else None
        hashes = tuple(arrays["images"][image : image + n_images].tolist())
        image += n_images
        items.append(Known(name, Query(str(arrays["queries"][k])), errors, base, hashes))
    return Kept(items, arrays["gold"], arrays["other_seed"])


def load(model: str, kind: str) -> Kept | None:
    """The kept errors of a model and a kind; None where there are none."""
    path = file_of(ROOT / model, kind)
    if not path.exists():
        return None
    with np.load(path, allow_pickle=False) as file:
        return unpack({name: file[name] for name in file.files})


def main() -> None:
    """Write the files of a model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--errors", type=Path, required=True)
    parser.add_argument("--again", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "model.json").write_text((options.errors / "model.json").read_text())
    for kind in KINDS:
        items = read(options.errors, kind)
        if not items:
            continue
        again = {i.id: i for i in read(options.again, kind)} if options.again else {}
        golds = {item.id: item.gold[0] for item in items_of(kind)}
        arrays = pack(items, again, golds)
        path = file_of(options.out, kind)
        np.savez_compressed(path, **arrays)
        kept = unpack(arrays)
        changed = sum(whole(a) != whole(b) for a, b in zip(items, kept.items, strict=True))
        if changed:
            raise SystemExit(f"{path}: rounding changes {changed} of {len(items)} decisions")
        print(f"{path}: {len(items)} items, {path.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
