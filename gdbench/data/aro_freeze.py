"""Writes down the negatives of ARO's order sets, so that they are data and not code."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from gdbench.data.aro import FROZEN
from gdbench.data.aro_negatives import Tagger, negatives, normalise
from gdbench.data.loading import data_root
from gdbench.data.problems import Problems
from gdbench.data.tree import Tree, fields
from gdbench.errors import InputError
from gdbench.store import write_atomically

_SETS = {
    "coco_order": ("coco_order/coco_karpathy_test.json", "coco/coco_karpathy_test.json"),
    "flickr30k_order": ("flickr30k/flickr30k_test.json", "flickr30k_order/flickr30k_test.json"),
}


def freeze(root: Path | None, tagger: Tagger) -> Iterator[tuple[str, int]]:
    """Draw and write the negatives of each order set that is there; yields (file, captions).

    Raises:
        InputError: There is no order set below the root.
    """
    where = data_root(root)
    problems = Problems()
    tree = Tree(where, problems)
    done = 0
    for subtask, places in _SETS.items():
        path = tree.first(*places)
        if path is None:
            continue
        drawn: dict[str, tuple[str, ...]] = {}
        for index, found in enumerate(tree.json(path, list) or []):
            row = fields(found, {"image": str, "caption": list}, path, f"row {index}", problems)
            for number, caption in enumerate(row["caption"] if row else []):
                key = f"{PurePosixPath(row['image']).stem}/{number}" if row else ""
                if isinstance(caption, str) and normalise(caption):
                    drawn[key] = negatives(normalise(caption), tagger, seed=key)
        problems.raise_blocking("aro", where)
        target = f"{path.rpartition('/')[0]}/{subtask}_{FROZEN}"
        write_atomically(where / target, json.dumps(drawn, indent=0, sort_keys=True).encode())
        done += 1
        yield target, len(drawn)
    if not done:
        raise InputError(f"{where}: no order set of ARO here, expected {_SETS['coco_order'][0]}")
