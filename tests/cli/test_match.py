"""A user's own pictures, good and bad. The model is the constant one: the pictures are the test."""

import json

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def saved(tmp_path):
    def save(name, picture, **options):
        path = tmp_path / name
        picture.save(path, **options)
        return path

    return save


def match(gdbench, *images, texts=("a",)):
    arguments = ["match", "--model", "random", "--json"]
    for path in images:
        arguments += ["--image", path]
    for text in texts:
        arguments += ["--text", text]
    return gdbench(*arguments)


def test_matrix_is_images_by_texts_and_json_has_all_keys(gdbench, saved):
    a = saved("a.png", Image.new("RGB", (8, 8), "red"))
    b = saved("b.jpg", Image.new("RGB", (9, 5), "blue"))
    result = match(gdbench, a, b, texts=("x", "y", "z"))
    assert result.code == 0
    answer = json.loads(result.out)
    assert np.shape(answer["scores"]) == (2, 3)
    assert {"scores", "errors", "unconditional_errors", "timesteps", "signature"} <= set(answer)


def test_same_picture_in_other_modes_has_the_same_score(gdbench, saved):
    grey = Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8) * 3)
    plain = grey.convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees to the right
    sixteen = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    variants = [
        saved("plain.png", plain),
        saved("grey.png", grey),
        saved("alpha.png", plain.convert("RGBA")),
        saved("sixteen.png", sixteen),
        saved("turned.png", plain.transpose(Image.Transpose.ROTATE_90), exif=exif),
        saved("palette.gif", grey),
    ]
    result = match(gdbench, *variants)
    assert result.code == 0
    assert len({row[0] for row in json.loads(result.out)["scores"]}) == 1


@pytest.mark.parametrize("kind", ["missing", "empty", "text", "cut", "folder"])
def test_bad_pictures_are_one_line_that_names_the_file(gdbench, saved, tmp_path, kind):
    path = tmp_path / "bad.png"
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_text("not a picture")
    elif kind == "folder":
        path.mkdir()
    elif kind == "cut":
        noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
        whole = saved("whole.png", Image.fromarray(noise)).read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
    result = match(gdbench, path)
    assert result.code == 2
    assert result.out == ""
    (line,) = [line for line in result.err.splitlines() if line]
    assert line.startswith("gdbench: ")
    assert "bad.png" in line


def test_empty_caption_is_refused(gdbench, saved):
    path = saved("a.png", Image.new("RGB", (8, 8)))
    result = match(gdbench, path, texts=("fine", " "))
    assert result.code == 2
    assert "--text number 2 is empty" in result.err


def test_flags_take_several_values(gdbench, saved):
    a = saved("a.png", Image.new("RGB", (8, 8), "red"))
    b = saved("b.png", Image.new("RGB", (8, 8), "blue"))
    one = gdbench("match", "--image", a, b, "--model", "random", "--text", "x", "-y", "--json")
    assert one.code == 2  # a value that looks like a flag has to follow --text itself
    several = gdbench("match", "--image", a, b, "--text", "x", "y", "--json", "--model", "random")
    repeated = match(gdbench, a, b, texts=("x", "y"))
    assert json.loads(several.out) == json.loads(repeated.out)
    dashed = gdbench("match", "--image", a, "--text", "-y", "--model", "random", "--json")
    assert np.shape(json.loads(dashed.out)["scores"]) == (1, 1)


@pytest.mark.parametrize("text", ["-5 degrees", "-5", "--- a line", "-", "-- said he", "-x ray"])
def test_texts_may_begin_with_a_dash(gdbench, saved, text):
    a = saved("a.png", Image.new("RGB", (8, 8), "red"))
    last = ("--json", "--model", "random")
    for texts in ((text, "x"), ("x", text)):
        answer = gdbench("match", "--image", a, "--text", *texts, *last)
        assert answer.code == 0, answer.err
        repeated = match(gdbench, a, texts=texts)
        assert json.loads(answer.out) == json.loads(repeated.out)


def test_a_misspelt_flag_is_no_text(gdbench, saved):
    a = saved("a.png", Image.new("RGB", (8, 8), "red"))
    answer = gdbench("match", "--image", a, "--text", "x", "--devise", "cpu", "--model", "random")
    assert answer.code == 2
    assert "--devise" in answer.err
