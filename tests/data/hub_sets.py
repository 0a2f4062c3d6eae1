"""The trees of `data_trees` as data sets of the hub: the same pictures, byte for byte."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import data_trees as trees
from datasets import Dataset, Features, Image, Value

Files = dict[str, bytes]


def parquet(columns: dict[str, list[Any]], images: tuple[str, ...]) -> bytes:
    features = {
        name: Image() if name in images else Value(_kind(values[0]))
        for name, values in columns.items()
    }
    coded = {
        name: [{"bytes": v, "path": None} for v in values] if name in images else values
        for name, values in columns.items()
    }
    sink = io.BytesIO()
    Dataset.from_dict(coded, Features(features)).to_parquet(sink)
    return sink.getvalue()


def _kind(value: object) -> str:
    return {bool: "bool", int: "int32", str: "string"}[type(value)]


def winoground(n: int = 4) -> Files:
    rows = trees.winoground_rows(n)
    columns: dict[str, list[Any]] = {key: [row[key] for row in rows] for key in rows[0]}
    for k in (0, 1):
        columns[f"image_{k}"] = [trees.encoded(f"ex_{i}_img_{k}.png") for i in range(n)]
    return {"data/test-00000-of-00001.parquet": parquet(columns, ("image_0", "image_1"))}


def pets() -> Files:
    names = trees.pet_names()[::-1]
    columns = {
        "path": [f"/data/pets/images/{name}" for name in names],
        "label": ["x"] * len(names),
        "image": [trees.encoded(name) for name in names],
    }
    return {"data/train-00000-of-00001.parquet": parquet(columns, ("image",))}


def visual_genome(rows: list[tuple[Any, ...]]) -> Files:
    columns = {
        "image": [trees.encoded(f"{i}.jpg", (12, 9)) for i in range(len(rows))],
        "true_caption": [row[0] for row in rows],
        "false_caption": [row[1] for row in rows],
    }
    return {"data/test-00000-of-00001.parquet": parquet(columns, ("image",))}


def order(pictures: list[str], captions: list[list[str]], frozen: list[list[str]]) -> Files:
    """`captions[i]` belong to `pictures[i]`; `frozen` has four negatives for each caption."""
    names = [name for name, texts in zip(pictures, captions, strict=True) for _ in texts]
    columns: dict[str, list[Any]] = {
        "images": [trees.encoded(name) for name in names],
        "correct_caption": [text for texts in captions for text in texts],
    }
    for k in range(4):
        columns[f"hard_text_{k + 1}"] = [four[k] for four in frozen]
    return {"data/test-00000-of-00001.parquet": parquet(columns, ("images",))}


def flickr30k(n: int = 12) -> Files:
    names = [f"{1000 + i}.jpg" for i in range(n)][::-1]
    columns = {"filename": names, "image": [trees.encoded(name) for name in names]}
    return {"data/test-00000-of-00001.parquet": parquet(columns, ("image",))}


def svo(url: str = "http://127.0.0.1:9") -> Files:
    rows = trees.svo_rows()
    columns: dict[str, list[Any]] = {
        "sentence": [row["sentence"] for row in rows],
        "pos_triplet": [row["pos_triplet"] for row in rows],
        "neg_triplet": [row["neg_triplet"] for row in rows],
    }
    for side in ("pos", "neg"):
        columns[f"{side}_image_id"] = [row[f"{side}_id"].removesuffix(".jpg") for row in rows]
        columns[f"{side}_url"] = [f"{url}/files/{row[f'{side}_id']}" for row in rows]
    for kind in ("subj", "verb", "obj"):
        columns[f"{kind}_neg"] = [row["neg_type"] == kind for row in rows]
    return {"data/train-00000-of-00001.parquet": parquet(columns, ())}


def imagecode(annotations: dict[str, dict[str, str]]) -> Files:
    ids = [f"{name}/img{i * 3}" for name in annotations for i in range(10)]
    corpus = {
        "id": ids,
        "image": [trees.encoded(f"{name}-{i}.jpg") for name in annotations for i in range(10)],
    }
    asked = [(n, int(k), text) for n, texts in annotations.items() for k, text in texts.items()]
    query = {"id": [f"q{i}" for i in range(len(asked))], "text": [text for *_, text in asked]}
    judged = [
        (f"q{i}", f"{name}/img{k * 3}", int(k == gold))
        for i, (name, gold, _) in enumerate(asked)
        for k in reversed(range(10))
    ]
    qrels = {
        "query-id": [row[0] for row in judged],
        "corpus-id": [row[1] for row in judged],
        "score": [row[2] for row in judged],
    }
    card = "---\nconfigs:\n"
    for name, split in (("corpus", "corpus"), ("query", "test"), ("qrels", "test")):
        card += f"- config_name: {name}\n  data_files:\n  - split: {split}\n    path: {name}/*\n"
    return {
        "README.md": (card + "---\n").encode(),
        "corpus/corpus-00000-of-00001.parquet": parquet(corpus, ("image",)),
        "query/test-00000-of-00001.parquet": parquet(query, ()),
        "qrels/test-00000-of-00001.parquet": parquet(qrels, ()),
    }


def snapshot(root: Path, folder: str, files: Files, revision: str | None) -> None:
    """Put a data set where `gdbench data fetch` puts it."""
    for name, data in files.items():
        path = root / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    if revision is not None:
        (root / folder / "gdbench-pin.json").write_text(json.dumps({"revision": revision}))
