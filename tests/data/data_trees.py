"""Small trees in the exact layouts of the 2023 release, drawn and written here."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

from PIL import Image

CLEVR_SUBTASKS = (
    "pair_binding_size",
    "pair_binding_color",
    "recognition_color",
    "recognition_shape",
    "spatial",
    "binding_color_shape",
    "binding_shape_color",
)
PETS = ["abyssinian", "american pit bull terrier", "pug"]
GROUPS = {
    "Religion": ["Christian", "Muslim", "Jewish", "Hindu", "Buddhist"],
    "Nationality": ["American", "Arab"],
    "Sexual Orientation": ["Heterosexual", "LGBT"],
}


def encoded(name: str, size: tuple[int, int] = (24, 16)) -> bytes:
    """A picture whose content depends on its name alone, encoded as the name's ending says."""
    digest = hashlib.sha256(name.encode()).digest()
    picture = Image.new("RGB", size, tuple(digest[:3]))
    picture.paste(tuple(digest[3:6]), (2, 2, 9, 9))
    sink = io.BytesIO()
    picture.save(sink, "PNG" if name.lower().endswith(".png") else "JPEG")
    return sink.getvalue()


def draw(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(Path(name).name))


def write(root: Path, name: str, content: Any) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return path


def flickr_captions(n: int = 12) -> dict[str, list[str]]:
    """Five captions for each of n pictures."""
    places = ["street", "river", "field", "market", "kitchen"]
    return {
        f"{1000 + i}.jpg": [f"Picture {i} shows a {place} at noon." for place in places]
        for i in range(n)
    }


def flickr30k(root: Path, n: int = 12) -> None:
    captions = flickr_captions(n)
    names = list(captions)
    by_caption = {
        text: [f"datasets/flickr30k/images/{names[(i + j) % n]}" for j in range(10)]
        for i, name in enumerate(names)
        for text in captions[name]
    }
    by_image = {
        f"datasets/flickr30k/images/{name}": [captions[names[(i + j) % n]][0] for j in range(10)]
        for i, name in enumerate(names)
    }
    write(root, "flickr30k/val_top10_RN50x64.json", by_caption)
    write(root, "flickr30k/val_top10_RN50x64_text.json", by_image)
    draw(root, *(f"flickr30k/images/{name}" for name in names))


def winoground_rows(n: int = 4) -> list[dict[str, Any]]:
    tags = ["Object", "Relation", "Both"]
    return [
        {
            "id": i,
            "caption_0": f"cup {i} above a plate",
            "caption_1": f"a plate above cup {i}",
            "tag": "Adjective-Noun",
            "secondary_tag": "",
            "num_main_preds": 1,
            "collapsed_tag": tags[i % 3],
        }
        for i in range(n)
    ]


def winoground(root: Path, n: int = 4) -> None:
    write(root, "winoground/data.json", winoground_rows(n))
    draw(root, *(f"winoground/images/ex_{i}_img_{k}.png" for i in range(n) for k in (0, 1)))


RELATIONS = [
    (
        "the door is to the left of the shirt",
        "the shirt is to the left of the door",
        "to the left of",
    ),
    ("the man is on the horse", "the horse is on the man", "on"),
    ("the cat is in front of the red box", "the red box is in front of the cat", "in front of"),
]
ATTRIBUTES = [
    (
        "the crouched cat and the open door",
        "the open cat and the crouched door",
        ["crouched", "open"],
    ),
    (
        "the dark blue car and the wet road",
        "the wet car and the dark blue road",
        ["dark blue", "wet"],
    ),
]


def visual_genome(root: Path) -> None:
    box = {"bbox_x": 1, "bbox_y": 2, "bbox_w": 12, "bbox_h": 9}
    relation = [
        {"image_path": f"{i}.jpg", **box, "true_caption": t, "false_caption": f, "relation_name": r}
        for i, (t, f, r) in enumerate(RELATIONS)
    ]
    attribution = [
        {"image_path": f"{i}.jpg", **box, "true_caption": t, "false_caption": f, "attributes": a}
        for i, (t, f, a) in enumerate(ATTRIBUTES)
    ]
    write(root, "vg_relation/visual_genome_relation.json", relation)
    write(root, "vg_attribution/visual_genome_attribution.json", attribution)
    draw(root, *(f"vg_relation/images/{i}.jpg" for i in range(len(RELATIONS))))
    draw(root, *(f"vg_attribution/images/{i}.jpg" for i in range(len(ATTRIBUTES))))


ORDER_CAPTIONS = [
    "A brown dog runs across a green field near the old barn.",
    "Two small boats on the river.",
    "Dog.",
]


def orders(root: Path) -> None:
    coco = [
        {"image": f"val2014/COCO_val2014_{i:012}.jpg", "caption": ORDER_CAPTIONS} for i in range(2)
    ]
    write(root, "coco_order/coco_karpathy_test.json", coco)
    draw(root, *(f"coco_order/{row['image']}" for row in coco))
    for split, first in (("test", 50), ("val", 60)):
        rows = [
            {"image": f"flickr30k-images/{first + i}.jpg", "caption": ORDER_CAPTIONS[:2]}
            for i in range(2)
        ]
        write(root, f"flickr30k/flickr30k_{split}.json", rows)
        draw(root, *(f"flickr30k/images/{first + i}.jpg" for i in range(2)))


def aro(root: Path) -> None:
    visual_genome(root)
    orders(root)


def imagecode(root: Path) -> None:
    sets = {
        "open-images-7_ab": {"5": "A fox looks left", "0": "The fox has its eyes closed"},
        "MSR-VTT-videoTestVideo_video7-shot1_0": {"9": "Her hand is about to touch the cup"},
    }
    write(root, "imagecode/valid_data.json", sets)
    for name in sets:
        for i in range(10):
            path = root / f"imagecode/image-sets/{name}/img{i * 3}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encoded(f"{name}-{i}.jpg"))


def svo_rows() -> list[dict[str, str]]:
    return [
        {
            "pos_id": f"{2 * i}.jpg",
            "neg_id": f"{2 * i + 1}.jpg",
            "sentence": f"Child {i} rides a horse.",
            "pos_triplet": "child,ride,horse",
            "neg_triplet": "child,lead,horse",
            "neg_type": kind,
        }
        for i, kind in enumerate(["verb", "subj", "obj", "verb"])
    ]


def svo(root: Path) -> None:
    rows = svo_rows()
    write(root, "svo/svo.json", rows)
    draw(root, *(f"svo/images/{row[key]}" for row in rows for key in ("pos_id", "neg_id")))


def clevr(root: Path, n: int = 3) -> None:
    names = [f"CLEVR_val{i}_{i:06}.png" for i in range(n)]
    for subtask in CLEVR_SUBTASKS:
        captions = {
            name: [[f"A red {subtask}.", f"A blue {subtask}."], ["A cone.", "A ring."]]
            for name in names
        }
        write(root, f"clevr/captions/{subtask}.json", captions)
    draw(root, *(f"clevr/images/{name}" for name in names))


def pet_names() -> list[str]:
    return ["Abyssinian_100.jpg", "american_pit_bull_terrier_3.jpg", "pug_7.jpg", "pug_12.jpg"]


def pets(root: Path, classes: list[str]) -> None:
    write(root, "pets/classes.txt", "\n".join(classes) + "\n")
    draw(root, *(f"pets/images/{name}" for name in pet_names()))
    write(root, "pets/images/Abyssinian_100.mat", "MATLAB 5.0")


def bias(root: Path, n: int = 2) -> None:
    phrases = {
        "unpleasant_phrases": [f"foul {i}" for i in range(60)],
        "pleasant_phrases": [f"fair {i}" for i in range(60)],
        "category_phrases": {},
    }
    write(root, "mmbias/textual_phrases.txt", phrases)
    for topic, groups in GROUPS.items():
        for group in groups:
            draw(root, *(f"mmbias/data/Images/{topic}/{group}/{group}_{i}.jpg" for i in range(n)))


def everything(root: Path, classes: list[str]) -> Path:
    for make in (flickr30k, winoground, aro, imagecode, svo, clevr, bias):
        make(root)
    pets(root, classes)
    return root
