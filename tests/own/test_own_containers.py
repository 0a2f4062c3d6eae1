"""The same content asks the same questions, whatever container holds it."""

import json

import numpy as np
import pytest

import gdbench
from gdbench.data.own.options import DataOptions
from gdbench.data.own.reading import read_own
from gdbench.tasks.base import manifest_sha256
from tests.own.conftest import COLOURS, parquet, png, shard, write_pictures, write_table

ROWS = [
    {
        "colour": c,
        "caption": f"a {c} square",
        "negatives": [f"a {c} circle", "nothing"],
        "tags": "x",
    }
    for c in COLOURS
]


def folder_of(tmp_path):
    folder = tmp_path / "table"
    write_pictures(folder)
    lines = [
        json.dumps({"file": f"{r['colour']}.png", **{k: r[k] for k in r if k != "colour"}})
        for r in ROWS
    ]
    write_table(folder / "captions.jsonl", lines)
    return folder


def csv_of(tmp_path):
    folder = tmp_path / "csv"
    write_pictures(folder / "images")
    lines = [
        f"{r['colour']}.png,{r['caption']},{'|'.join(r['negatives'])},{r['tags']}" for r in ROWS
    ]
    write_table(folder / "captions.csv", ["file,caption,negatives,tags", *lines])
    return folder


def imagefolder_of(tmp_path):
    folder = tmp_path / "hub" / "train"
    write_pictures(folder)
    lines = [
        json.dumps({"file_name": f"{r['colour']}.png", **{k: r[k] for k in r if k != "colour"}})
        for r in reversed(ROWS)
    ]
    write_table(folder / "metadata.jsonl", lines)
    return folder.parent


def parquet_of(tmp_path):
    parquet(tmp_path / "pq" / "data" / "train-00000-of-00001.parquet", ROWS)
    return tmp_path / "pq"


def shards_of(tmp_path):
    folder = tmp_path / "wds"
    samples = []
    for r in ROWS:
        values = {k: r[k] for k in r if k != "colour"}
        samples.append((f"{r['colour']}.png", png(r["colour"])))
        samples.append((f"{r['colour']}.json", json.dumps(values).encode()))
    shard(folder / "test" / "0.tar", samples[:10])
    shard(folder / "test" / "1.tar", samples[10:])
    (folder / "test" / "nshards.txt").write_text("2")
    return folder


CONTAINERS = {
    "jsonl": folder_of, "csv": csv_of, "imagefolder": imagefolder_of, "parquet": parquet_of,
    "webdataset": shards_of,
}  # fmt: skip


@pytest.mark.parametrize("ask", ["negatives", "retrieval"])
def test_all_containers_ask_the_same(tmp_path, ask):
    manifests = {}
    for name, make in CONTAINERS.items():
        data = read_own(make(tmp_path), DataOptions(ask=ask), verify="full")
        assert data.problems.rows == [], name
        assert data.ask == ask
        manifests[name] = manifest_sha256(data.items)
    assert len(set(manifests.values())) == 1, manifests


def test_all_containers_give_the_same_scores(tmp_path):
    class Red:
        """Scores by the amount of red and the length of the text."""

        card = gdbench.ModelCard(name="red")

        def score(self, images, texts):
            red = [np.asarray(image)[..., 0].mean() for image in images]
            return np.outer(red, [len(t) for t in texts]) / 1000

    found = {}
    for name, make in CONTAINERS.items():
        results = gdbench.evaluate(
            Red(), data=make(tmp_path), out=tmp_path / f"run-{name}", quiet=True
        )
        (record,) = results.records
        found[name] = (record.scores_sha256, record.score, record.task.version)
    assert len(set(found.values())) == 1, found


def test_a_shard_is_read_in_place_and_a_changed_one_is_told(tmp_path):
    data = read_own(shards_of(tmp_path), DataOptions())
    image = {item.id: item for item in data.items}["negatives/red"].images[0]
    assert image.open().getpixel((0, 0)) == (255, 0, 0)
    assert image.read() == png("red")
    image.path.write_bytes(b"short")
    with pytest.raises(gdbench.GdbenchError, match="cut short"):
        image.open()


def test_shards_of_clip_benchmark_with_classes(tmp_path):
    folder = tmp_path / "wds"
    names = ["red", "green", "blue"]
    samples = []
    for k, name in enumerate(names):
        samples += [(f"s{k:07}.png", png(name)), (f"s{k:07}.cls", str(k).encode())]
    shard(folder / "test" / "0.tar", samples)
    (folder / "classnames.txt").write_text("\n".join(names))
    (folder / "zeroshot_classification_templates.txt").write_text("a {c} thing.\na photo of {c}.")
    data = read_own(folder)
    assert (data.ask, data.problems.rows) == ("classes", [])
    assert data.items[0].texts == ("a blue thing.", "a green thing.", "a red thing.")
    assert data.items[0].gold == (2,)  # the prompts are in the order of the alphabet
    assert any("of 2 templates the first" in note for note in data.problems.notes)


def test_shards_of_clip_benchmark_with_several_captions(tmp_path):
    samples = []
    for c in COLOURS:
        samples += [(f"{c}.jpg", png(c)), (f"{c}.txt", f"a {c} one\nthe {c} one".encode())]
    shard(tmp_path / "w" / "0.tar", samples)
    data = read_own(tmp_path / "w")
    assert data.ask == "retrieval"
    assert data.n_items == {"image_retrieval": 24, "text_retrieval": 24}
    texts = {i.id: i for i in data.items}["text/red#2"].texts
    # the other caption of the picture is right, too, and is no wrong candidate
    assert texts[0] == "the red one"
    assert "a red one" not in texts


def test_parquet_of_the_hub_names_classes_in_its_metadata(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    features = {"label": {"names": ["cat_a", "dog"], "_type": "ClassLabel"}}
    table = pa.table(
        {"image": [{"bytes": png(c), "path": None} for c in ("red", "blue")], "label": [1, 0]}
    ).replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    pq.write_table(table, tmp_path / "test.parquet")
    data = read_own(tmp_path / "test.parquet")
    assert data.items[0].texts == ("a photo of a cat a", "a photo of a dog")
    assert [i.gold for i in data.items] == [(1,), (0,)]


def test_captions_by_name(tmp_path):
    """As JSON, and in the table that Flickr8k has."""
    for name in ("json", "txt"):
        write_pictures(tmp_path / name)
    by_name = {f"{c}.png": [f"a {c} square", f"{c}"] for c in COLOURS}
    (tmp_path / "json" / "captions.json").write_text(json.dumps(by_name))
    lines = [f"{name},{text}" for name, texts in by_name.items() for text in texts]
    write_table(tmp_path / "txt" / "captions.txt", ["image,caption", *lines])
    first, second = (read_own(tmp_path / name) for name in ("json", "txt"))
    assert first.problems.rows == second.problems.rows == []
    assert manifest_sha256(first.items) == manifest_sha256(second.items)


def test_class_folders(tmp_path):
    for label in ("tabby_cat", "dog"):
        write_pictures(tmp_path / "d" / "test" / label, ["red", "blue"])
        write_pictures(tmp_path / "d" / "train" / label, ["green"])
    data = read_own(tmp_path / "d", DataOptions(split="test", prompt="one {} here"))
    assert data.items[0].texts == ("one dog here", "one tabby cat here")
    assert len(data.items) == 4
    assert len(read_own(tmp_path / "d").items) == 6


def test_packed_pictures_go_to_other_processes(tmp_path):
    import pickle

    for make in (parquet_of, shards_of):
        image = read_own(make(tmp_path)).items[3].images[0]
        again = pickle.loads(pickle.dumps(image))  # noqa: S301 # our own
        assert (again, again.sha256) == (image, image.sha256)
