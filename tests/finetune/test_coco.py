"""NegCLIP's table: reading, choosing, and every problem listed by its row."""

import random

import pytest
from PIL import Image

from gdbench.errors import DataProblemsError, InputError
from gdbench.finetune.coco import NegCLIPTable, find_table
from gdbench.finetune.validation import coco_items, held_out_task

HEADER = "title\tfilepath\tneg_caption\tneg_image\timage_id"


def name(number, split="train"):
    return f"COCO_{split}2014_{number:012d}.jpg"


def line(number, caption=None, hard=None, near="[0, 1]", split="train"):
    caption = caption or f"a dog chases cat {number}"
    hard = hard or f"['a cat chases dog {number}', \"the cat's dog {number}\"]"
    return f"{caption}\t{split}2014/{name(number, split)}\t{hard}\t{near}\t{number}"


@pytest.fixture
def coco(tmp_path):
    for split in ("train", "val"):
        folder = tmp_path / "images" / f"{split}2014"
        folder.mkdir(parents=True)
        for number in range(5):
            shade = (40 * number, 20, 90 if split == "val" else 10)
            Image.new("RGB", (24, 16), shade).save(folder / name(number, split))
    return tmp_path


def write(coco, *lines):
    path = coco / "train_neg_clip.tsv"
    path.write_text("\n".join((HEADER, *lines)) + "\n", encoding="utf-8")
    return path


def test_examples_of_every_kind(coco):
    table = NegCLIPTable(
        write(coco, line(0, near="[1, 2]"), line(1), line(2, split="val")), coco, "mixed"
    )
    assert len(table) == 3
    rng = random.Random(0)
    hard = {table.example(0, "hard-text", rng).negative_text for _ in range(40)}
    assert hard == {"a cat chases dog 0", "the cat's dog 0"}
    texts = {table.example(0, "random-text", rng).negative_text for _ in range(40)}
    assert texts == {"a dog chases cat 1", "a dog chases cat 2"}
    images = {table.example(0, "hard-image", rng).negative_image.path.name for _ in range(40)}
    assert images == {name(1), name(2, "val")}
    example = table.example(2, "none", rng)
    assert example.image.path.parent.name == "val2014"
    assert example.image.open().size == (24, 16)
    assert example.negative_text == example.text == "a dog chases cat 2"


def test_the_header_of_the_published_held_out_table(coco):
    """A first column without a name, and no image_id."""
    path = coco / "valid_neg_clip.tsv"
    lines = [f"{n}\t" + line(n, split="val").rpartition("\t")[0] for n in range(3)]
    header = "\ttitle\tfilepath\tneg_caption\tneg_image"
    path.write_text("\n".join((header, *lines)) + "\n", encoding="utf-8")
    table = NegCLIPTable(path, coco, "mixed")
    assert len(table) == 3
    assert [p.path.name for p in table.near_images(table.row(0))] == [name(1, "val")]
    assert table.row(0).text == "a dog chases cat 0"


def test_same_picture_is_no_negative(coco):
    same = line(0, caption="another caption", near="[1]")
    table = NegCLIPTable(write(coco, line(0, near="[1, 2]"), same, line(1, near="[0]")), coco)
    assert len(table) == 3 - 1  # the second row has only its own picture as a neighbour
    rng = random.Random(0)
    assert {table.example(0, "random-text", rng).negative_text for _ in range(20)} == {
        "a dog chases cat 1"
    }


def test_all_problems_are_listed_with_their_rows(coco):
    path = write(
        coco,
        line(0),
        line(9),
        line(1, hard="not a list"),
        line(1, near="[77]"),
        "short",
        line(2, hard="__import__('os').mkdir('x')"),
        line(1, near="[0]"),
        " " + line(3)[len("a dog chases cat 3") :],
    )
    with pytest.raises(DataProblemsError) as caught:
        NegCLIPTable(path, coco)
    found = [(p["entry"], p["problem"]) for p in caught.value.problems]
    assert [entry for entry, _ in found] == [f"row {n}" for n in (3, 4, 5, 6, 7, 9)]
    for (_, problem), expected in zip(
        found,
        (f"{name(9)}' is missing", "neg_caption", "row numbers below 8", "columns", "neg_caption",
         "title is empty"),
        strict=True,
    ):  # fmt: skip
        assert expected in problem
    partial = NegCLIPTable(path, coco, "hard-text", allow_partial=True)
    assert len(partial) == 2
    assert len(partial.problems) == 6


def test_missing_columns_and_files(coco):
    path = coco / "t.tsv"
    path.write_text("title\tfilepath\n", encoding="utf-8")
    with pytest.raises(InputError, match="column neg_caption, neg_image missing"):
        NegCLIPTable(path, coco)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="cannot be read as a TSV"):
        NegCLIPTable(path, coco)
    with pytest.raises(InputError, match=r"no train_neg_clip\.tsv"):
        find_table(coco / "images", "train_neg_clip.tsv")
    write(coco, line(0, near="[0]"))
    with pytest.raises(InputError, match="fewer than two pictures"):
        NegCLIPTable(find_table(coco, "train_neg_clip.tsv"), coco)


def test_a_table_cannot_lead_out_of_its_folder(coco):
    (coco.parent / "secret.jpg").write_bytes(b"x")
    hostile = line(0).replace(f"train2014/{name(0)}", "../../secret.jpg")
    with pytest.raises(DataProblemsError):
        NegCLIPTable(write(coco, hostile, line(1)), coco)


def test_held_out_items(coco):
    lines = [line(n, near="[0, 1, 2, 3]") for n in range(4)]
    table = NegCLIPTable(write(coco, *lines), coco)
    items = list(coco_items(table, 3))
    assert len(items) == 6
    assert items == list(coco_items(table, 3))
    task = held_out_task(items)
    assert [i.id for i in task.items()] == [i.id for i in items]
    for item in items:
        if item.subtask == "hard_text":
            assert item.texts[1].startswith(("a cat", "the cat"))
        else:
            assert item.images[0].path != item.images[1].path


def test_training_on_coco(coco, tiny_sd, train, tmp_path):
    from gdbench.finetune.run import Sources

    write(coco, *(line(n, near="[0, 1, 2]") for n in range(3)))
    summary = train(tmp_path / "run", sources=Sources(str(tiny_sd), "coco", coco), steps=2)
    assert summary.steps == 2
    assert (tmp_path / "run" / "pytorch_lora_weights.safetensors").is_file()
