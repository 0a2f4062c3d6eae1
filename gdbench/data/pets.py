"""Oxford-IIIT Pets: which of 37 breeds is it?

The 2023 release uses all 7,390 pictures, the official test split has 3,669 of them; the class
comes from the file name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from gdbench.data.catalogue import CATALOGUE
from gdbench.data.hub import HubRows
from gdbench.data.loading import Part, Source, load
from gdbench.protocol import ImageRef, Item, Query
from gdbench.records import Compat

PET_CLASSES = (
    "american pit bull terrier",
    "havanese",
    "chihuahua",
    "keeshond",
    "yorkshire terrier",
    "boxer",
    "english cocker spaniel",
    "scottish terrier",
    "shiba inu",
    "siamese",
    "abyssinian",
    "pomeranian",
    "samoyed",
    "bengal",
    "japanese chin",
    "staffordshire bull terrier",
    "wheaten terrier",
    "bombay",
    "persian",
    "miniature pinscher",
    "great pyrenees",
    "ragdoll",
    "sphynx",
    "beagle",
    "english setter",
    "german shorthaired",
    "american bulldog",
    "birman",
    "british shorthair",
    "saint bernard",
    "pug",
    "russian blue",
    "maine coon",
    "egyptian mau",
    "basset hound",
    "newfoundland",
    "leonberger",
)  # in the order of the released classes.txt


def class_of(stem: str) -> str:
    """The class of a picture: its name without the last `_number`, in lower case."""
    return stem.rpartition("_")[0].replace("_", " ").lower()


def _item(stem: str, image: ImageRef, classes: tuple[str, ...], texts: tuple[str, ...]) -> Item:
    name = class_of(stem)
    return Item(
        id=f"pets/{stem}",
        images=(image,),
        texts=texts,
        query=Query.TEXT_RETRIEVAL,
        gold=(classes.index(name),),
        subtask="pets",
        tags=(name,),
    )


def _prompts(classes: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"a photo of a {name}" for name in classes)


def _classes(source: Source, path: str) -> tuple[str, ...]:
    lines = (source.tree.text(path) or "").splitlines()
    classes = tuple(line.strip() for line in lines if line.strip())
    for name in sorted(set(classes)):
        if classes.count(name) > 1:
            source.problems.add(path, name, "this class stands twice")
        if name not in PET_CLASSES:
            source.problems.add(path, name, "not one of the 37 published classes")
    for name in PET_CLASSES:
        if name not in classes:
            source.problems.add(path, name, "this class is missing")
    return classes


def _read(source: Source, path: str) -> Iterator[Item]:
    classes = _classes(source, path)
    texts = _prompts(classes)
    if not source.tree.has("pets/images"):
        source.problems.add("pets/images", "", source.tree.missing("pets/images"))
        return
    for name in source.tree.names("pets/images"):
        if not name.lower().endswith((".jpg", ".jpeg", ".png")):
            continue  # the archive also holds .mat files
        file = f"pets/images/{name}"
        stem = PurePosixPath(name).stem
        if class_of(stem) not in classes:
            source.problems.add(file, "", f"class {class_of(stem)!r} is not in {path}")
            continue
        image = source.tree.image(file, file, "")
        if image is not None:
            yield _item(stem, image, classes, texts)


def _read_official(source: Source, path: str) -> Iterator[Item]:
    """The pictures that the official list of the test split names."""
    lines = [line.split() for line in (source.tree.text(path) or "").splitlines()]
    wanted = {words[0]: n for n, words in enumerate(lines, 1) if words and words[0][:1] != "#"}
    for item in _read(source, "pets/classes.txt"):
        if wanted.pop(item.id.removeprefix("pets/"), None) is not None:
            yield item
    for stem, line in wanted.items():
        source.problems.add(path, f"line {line}", f"pets/images/{stem}.jpg does not exist")


def _read_hub(source: Source, rows: HubRows) -> Iterator[Item]:
    texts = _prompts(PET_CLASSES)
    found = []
    for index, row in rows.texts("path"):
        stem = PurePosixPath(str(row["path"])).stem
        image = rows.image(index, "image")
        if class_of(stem) not in PET_CLASSES:
            source.problems.add(rows.file, f"row {index}", f"unknown class {class_of(stem)!r}")
        elif image is not None:
            found.append(_item(stem, image, PET_CLASSES, texts))
    yield from sorted(found, key=lambda item: item.id)


PARTS = (Part(("pets/classes.txt",), _read, CATALOGUE["pets"].hub[0], _read_hub),)

OFFICIAL_PARTS = (Part(("pets/annotations/test.txt",), _read_official),)


def items(root: Path | None, compat: Compat | None, *, allow_partial: bool) -> Iterable[Item]:
    """All 7,390 pictures; see `gdbench.data.loading.load` for what is raised."""
    return load("pets", PARTS, root, compat, allow_partial=allow_partial)


def official_items(
    root: Path | None, compat: Compat | None, *, allow_partial: bool
) -> Iterable[Item]:
    """The 3,669 pictures of the official test split, by `pets/annotations/test.txt`."""
    return load(
        "pets",
        OFFICIAL_PARTS,
        root,
        compat,
        allow_partial=allow_partial,
        expected=CATALOGUE["pets"].variants["official-test"],
    )
