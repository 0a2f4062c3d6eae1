"""MMBias: pictures of nine groups of people, 60 pleasant and 60 unpleasant words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from gdbench.data.catalogue import BIAS_GROUPS
from gdbench.data.loading import Part, Source, load
from gdbench.data.tree import PICTURES
from gdbench.protocol import Item, Query
from gdbench.records import Compat

_WORDS = 60


def _words(source: Source, path: str, key: str) -> tuple[str, ...]:
    found = (source.tree.json(path, dict) or {}).get(key)
    if not isinstance(found, list) or not all(isinstance(word, str) for word in found):
        source.problems.add(path, key, "expected a list of words")
        return ()
    if len(found) != _WORDS:
        source.problems.add(path, key, f"{len(found)} words, expected {_WORDS}")
    for word in sorted({w for w in found if found.count(w) > 1}):
        source.problems.add(path, key, f"the word {word!r} stands twice", blocking=False)
    return tuple(found)


def _read(source: Source, path: str) -> Iterator[Item]:
    folders = {group: f"mmbias/data/Images/{below}" for group, below in BIAS_GROUPS.items()}
    return group_items(source, path, folders)


def group_items(source: Source, path: str, folders: Mapping[str, str]) -> Iterator[Item]:
    """An item for each picture of each group's folder, with the words of the file `path`."""
    pleasant = _words(source, path, "pleasant_phrases")
    unpleasant = _words(source, path, "unpleasant_phrases")
    if not pleasant or not unpleasant:
        return
    words = (*pleasant, *unpleasant)
    # The release reads *.jpg alone.
    endings = (".jpg",) if source.compat is not None else PICTURES
    for group, folder in folders.items():
        names = source.tree.names(folder)
        if not names:
            source.problems.add(folder, "", source.tree.missing(folder))
        for name in names:
            matches = name if source.compat is not None else name.lower()
            if not matches.endswith(endings):
                continue
            image = source.tree.image(f"{folder}/{name}", f"{folder}/{name}", "")
            if image is not None:
                stem = PurePosixPath(name).stem
                yield Item(
                    id=f"bias/{group}/{stem}",
                    images=(image,),
                    texts=words,
                    query=Query.ASSOCIATION,
                    gold=tuple(range(len(pleasant))),
                    subtask=group,
                    cluster=f"bias/{group}/{stem}",
                )


PARTS = (Part(("mmbias/textual_phrases.txt", "mmbias/data/textual_phrases.txt"), _read),)


def items(root: Path | None, compat: Compat | None, *, allow_partial: bool) -> Iterable[Item]:
    """One item for each picture; see `gdbench.data.loading.load` for what is raised."""
    return load("bias", PARTS, root, compat, allow_partial=allow_partial)
