"""CLEVR of the 2023 release: seven caption files over 574 rendered scenes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from gdbench.data.catalogue import CLEVR_SUBTASKS
from gdbench.data.loading import Part, Source, load
from gdbench.protocol import Item, Query
from gdbench.records import Compat


def _read(source: Source, path: str) -> Iterator[Item]:
    """Items of one file: `{picture: [[right, wrong], ...]}`, the released order of labels."""
    subtask = Path(path).stem
    found = source.tree.json(path, dict)
    if found is None:
        return
    for name, pairs in found.items():
        image = source.tree.image(f"clevr/images/{name}", path, name)
        source.tree.used.add(f"clevr/images/{name}")
        if not isinstance(pairs, list) or not pairs:
            source.problems.add(path, name, "expected a list of caption pairs")
            continue
        for index, pair in enumerate(pairs):
            entry = f"{name}[{index}]"
            if not (
                isinstance(pair, list) and len(pair) == 2 and all(isinstance(c, str) for c in pair)  # noqa: PLR2004 # a pair
            ):
                source.problems.add(path, entry, "expected two captions [right, wrong]")
                continue
            if pair[0] == pair[1]:
                source.problems.add(path, entry, f"both captions are {pair[0]!r}")
                continue
            if image is not None:
                yield Item(
                    id=f"clevr/{subtask}/{Path(name).stem}/{index}",
                    images=(image,),
                    texts=tuple(pair),
                    query=Query.TEXT_RETRIEVAL,
                    gold=(0,),
                    subtask=subtask,
                    cluster=f"clevr/{Path(name).stem}",
                )
    if subtask == CLEVR_SUBTASKS[-1]:
        source.tree.stray("clevr/images", source.tree.used)


PARTS = tuple(Part((f"clevr/captions/{name}.json",), _read) for name in CLEVR_SUBTASKS)


def items(root: Path | None, compat: Compat | None, *, allow_partial: bool) -> Iterable[Item]:
    """Items of all seven sub-tasks; see `gdbench.data.loading.load` for what is raised."""
    return load("clevr", PARTS, root, compat, allow_partial=allow_partial)
