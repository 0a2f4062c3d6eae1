"""ARO: relations and attributes on Visual Genome, word order on COCO and Flickr30K.

Items of the order sets carry the tag `equal_to_gold` where a negative is the caption itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from gdbench.data.aro_negatives import N_NEGATIVES, VERSION, negatives, normalise
from gdbench.data.catalogue import CATALOGUE
from gdbench.data.hub import HubRows
from gdbench.data.images import Box
from gdbench.data.loading import Part, Source, load
from gdbench.data.tree import fields
from gdbench.protocol import ImageRef, Item, Query
from gdbench.records import Compat

EQUAL = "equal_to_gold"
FROZEN = "negatives.json"
_BOX = ("bbox_x", "bbox_y", "bbox_w", "bbox_h")
_CAPTIONS = {"true_caption": str, "false_caption": str}


def _item(
    subtask: str, name: str, image: ImageRef, texts: tuple[str, ...], cluster: str, *tags: str
) -> Item:
    return Item(
        id=f"{subtask}/{name}",
        images=(image,),
        texts=texts,
        query=Query.TEXT_RETRIEVAL,
        gold=(0,),
        subtask=subtask,
        cluster=f"{subtask}/{cluster}",
        tags=tags,
    )


def _read_relation(source: Source, path: str) -> Iterator[Item]:
    yield from _read_vg(source, path, "vg_relation")


def _read_attribution(source: Source, path: str) -> Iterator[Item]:
    yield from _read_vg(source, path, "vg_attribution")


def _read_vg(source: Source, path: str, subtask: str) -> Iterator[Item]:
    folder = path.rpartition("/")[0]
    tag_field: dict[str, type] = (
        {"relation_name": str} if subtask == "vg_relation" else {"attributes": list}
    )
    expected = {"image_path": str, **dict.fromkeys(_BOX, int), **_CAPTIONS, **tag_field}
    for index, found in enumerate(source.tree.json(path, list) or []):
        entry = f"row {index}"
        row = fields(found, expected, path, entry, source.problems)
        if row is None:
            continue
        box: Box = (row["bbox_x"], row["bbox_y"], row["bbox_w"], row["bbox_h"])
        if row["true_caption"] == row["false_caption"]:
            source.problems.add(path, entry, f"both captions are {row['true_caption']!r}")
            continue
        if box[2] <= 0 or box[3] <= 0:
            source.problems.add(path, entry, f"box {box} (x, y, width, height) is empty")
            continue
        tag = _tag(row)
        if tag is None:
            source.problems.add(path, entry, "field 'attributes' must be a list of two strings")
            continue
        image = source.tree.image(f"{folder}/images/{row['image_path']}", path, entry, box)
        if image is not None:
            texts = (row["true_caption"], row["false_caption"])
            yield _item(subtask, str(index), image, texts, row["image_path"], tag)


def _tag(row: Mapping[str, Any]) -> str | None:
    if "relation_name" in row:
        return str(row["relation_name"])
    pair = row["attributes"]
    if len(pair) < 2 or not all(isinstance(a, str) for a in pair[:2]):  # noqa: PLR2004 # a pair
        return None
    return "_".join(pair[:2])


def relation_of(true: str, false: str) -> str | None:
    """The relation that two captions with swapped ends have in common.

    "the door is to the left of the shirt" and "the shirt is to the left of the door" give
    "to the left of"; None where the captions are no such pair.
    """
    start = re.match(r"the (.+?) is ", true)
    while start is not None:
        first = start[1]
        rest = true[start.end() :]
        for end in re.finditer(r" the ", rest):
            relation, second = rest[: end.start()], rest[end.end() :]
            if false == f"the {second} is {relation} the {first}":
                return relation
        start = re.match(rf"the (.{{{len(first) + 1},}}?) is ", true)
    return None


def attributes_of(true: str, false: str) -> str | None:
    """The two attributes that captions "the A x and the B y" / "the B x and the A y" exchange."""
    for middle in re.finditer(r" and the ", true):
        left, right = true[4 : middle.start()].split(), true[middle.end() :].split()
        for i in range(1, len(left)):
            for j in range(1, len(right)):
                a, x = " ".join(left[:i]), " ".join(left[i:])
                b, y = " ".join(right[:j]), " ".join(right[j:])
                if false == f"the {b} {x} and the {a} {y}":
                    return f"{a}_{b}"
    return None


def _read_hub_relation(source: Source, rows: HubRows) -> Iterator[Item]:
    yield from _read_hub_vg(source, rows, "vg_relation")


def _read_hub_attribution(source: Source, rows: HubRows) -> Iterator[Item]:
    yield from _read_hub_vg(source, rows, "vg_attribution")


def _read_hub_vg(source: Source, rows: HubRows, subtask: str) -> Iterator[Item]:
    """Rows without the relation or attributes: they follow from the two captions."""
    derive = relation_of if subtask == "vg_relation" else attributes_of
    unknown = 0
    for index, found in rows.texts(*_CAPTIONS):
        entry = f"row {index}"
        row = fields(found, _CAPTIONS, rows.file, entry, source.problems)
        image = rows.image(index, "image")
        if row is None or image is None:
            continue
        texts = (row["true_caption"], row["false_caption"])
        if texts[0] == texts[1]:
            source.problems.add(rows.file, entry, f"both captions are {texts[0]!r}")
            continue
        tag = derive(*texts)
        unknown += tag is None
        # The hub has no names of pictures: rows are their own clusters.
        yield _item(subtask, str(index), image, texts, str(index), *([tag] if tag else []))
    if unknown:
        source.problems.notes.append(f"{subtask}: {unknown:,} rows whose tag cannot be derived")


def _read_coco(source: Source, path: str) -> Iterator[Item]:
    yield from _read_order(source, path, "coco_order")


def _read_flickr(source: Source, path: str) -> Iterator[Item]:
    yield from _read_order(source, path, "flickr30k_order")


def _read_order(source: Source, path: str, subtask: str) -> Iterator[Item]:
    """Captions of a Karpathy file with frozen negatives, where they are, or drawn ones."""
    folder = path.rpartition("/")[0]
    frozen = _frozen(source, f"{folder}/{subtask}_{FROZEN}")
    equal = total = running = 0
    for index, found in enumerate(source.tree.json(path, list) or []):
        row = fields(found, {"image": str, "caption": list}, path, f"row {index}", source.problems)
        if row is None:
            continue
        name = row["image"].replace("flickr30k-images/", "images/")
        if not source.tree.has(f"{folder}/{name}") and name.startswith("images/"):
            place = f"flickr30k/{name}"  # one folder of pictures for both Flickr30K tasks
        else:
            place = f"{folder}/{name}"
        image = source.tree.image(place, path, f"row {index}")
        stem, first = PurePosixPath(name).stem, running
        for number, caption in enumerate(row["caption"]):
            entry = f"row {index}, caption {number}"
            running += 1
            if not isinstance(caption, str) or not normalise(caption):
                source.problems.add(path, entry, "expected a caption")
                continue
            right = normalise(caption)
            wrong = frozen.get(f"{stem}/{number}") or negatives(right, seed=f"{stem}/{number}")
            if image is None:
                continue
            total += 1
            equal += right in wrong
            tags = (EQUAL,) if right in wrong else ()
            yield _item(subtask, str(running - 1), image, (right, *wrong), str(first), *tags)
    origin = f"frozen in {folder}/{subtask}_{FROZEN}" if frozen else f"drawn by {VERSION}"
    _report(source, subtask, equal, total, origin)


def _report(source: Source, subtask: str, equal: int, total: int, origin: str) -> None:
    source.problems.notes.append(
        f"{subtask}: negatives {origin}; a negative equals the caption in {equal:,} of "
        f"{total:,} items"
    )


def _frozen(source: Source, path: str) -> dict[str, tuple[str, ...]]:
    """Negatives kept in a file `{"<picture>/<number>": [four texts]}`; empty without one."""
    if not source.tree.has(path):
        return {}
    good: dict[str, tuple[str, ...]] = {}
    for key, values in (source.tree.json(path, dict) or {}).items():
        texts = values if isinstance(values, list) else []
        if len(texts) != N_NEGATIVES or not all(isinstance(t, str) for t in texts):
            source.problems.add(path, key, f"expected a list of {N_NEGATIVES} texts")
        else:
            good[key] = tuple(texts)
    return good


def _read_hub_coco(source: Source, rows: HubRows) -> Iterator[Item]:
    yield from _read_hub_order(source, rows, "coco_order")


def _read_hub_flickr(source: Source, rows: HubRows) -> Iterator[Item]:
    yield from _read_hub_order(source, rows, "flickr30k_order")


def _read_hub_order(source: Source, rows: HubRows, subtask: str) -> Iterator[Item]:
    columns = ["correct_caption", *(f"hard_text_{i}" for i in range(1, N_NEGATIVES + 1))]
    picture = "images" if rows.has_column("images") else "image"
    equal = total = first = 0
    sizes = rows.sizes(picture) if rows.has_column(picture) else []
    for index, found in rows.texts(*columns):
        # Captions of one picture follow each other; the hub has no names of pictures.
        first = first if index and sizes[index] == sizes[index - 1] else index
        row = fields(found, dict.fromkeys(columns, str), rows.file, f"row {index}", source.problems)
        image = rows.image(index, picture)
        if row is None or image is None:
            continue
        texts = tuple(row[column] for column in columns)
        is_equal = texts[0] in texts[1:]
        total += 1
        equal += is_equal
        yield _item(subtask, str(index), image, texts, str(first), *([EQUAL] if is_equal else []))
    _report(source, subtask, equal, total, f"frozen in {rows.hub.id}")


_HUB = CATALOGUE["aro"].hub
_VG = (
    Part(
        (
            "vg_relation/visual_genome_relation.json",
            "aro/visual_genome_relation.json",
            "vg_relation/vg_relation.json",
        ),
        _read_relation,
        _HUB[0],
        _read_hub_relation,
    ),
    Part(
        (
            "vg_attribution/visual_genome_attribution.json",
            "aro/visual_genome_attribution.json",
            "vg_attribution/vg_attribution.json",
        ),
        _read_attribution,
        _HUB[1],
        _read_hub_attribution,
    ),
    Part(
        ("coco_order/coco_karpathy_test.json", "coco/coco_karpathy_test.json"),
        _read_coco,
        _HUB[2],
        _read_hub_coco,
        frozen=True,
    ),
)
PARTS = (
    *_VG,
    Part(
        ("flickr30k/flickr30k_test.json", "flickr30k_order/flickr30k_test.json"),
        _read_flickr,
        _HUB[3],
        _read_hub_flickr,
        frozen=True,
    ),
)
COMPAT_PARTS = (
    *_VG,
    Part(("flickr30k/flickr30k_val.json", "flickr30k_order/flickr30k_val.json"), _read_flickr),
)


def items(root: Path | None, compat: Compat | None, *, allow_partial: bool) -> Iterable[Item]:
    """Items of the four sub-tasks; see `gdbench.data.loading.load` for what is raised.

    With `compat` the Flickr30K order set is the validation split, as in the 2023 release.
    """
    parts = PARTS if compat is None else COMPAT_PARTS
    return load("aro", parts, root, compat, allow_partial=allow_partial)
