"""Pictures of every kind come out upright, in RGB, and damaged ones in one clear line."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin
from PIL.PngImagePlugin import PngInfo

from gdbench.data import images
from gdbench.data.images import BytesImage, FileImage, MemoryImage, upright_rgb
from gdbench.errors import InputError
from gdbench.protocol import ImageRef


def saved(path: Path, picture: Image.Image, **options) -> Path:
    picture.save(path, **options)
    return path


def gradient() -> Image.Image:
    x = np.arange(48, dtype=np.uint8)
    return Image.fromarray(np.stack([x[None] + x[:30, None]] * 3, axis=-1) * 2)


def test_the_key_is_the_hash_of_the_file(tmp_path):
    path = saved(tmp_path / "a.png", gradient())
    image = FileImage(path)
    assert isinstance(image, ImageRef)
    assert image.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert BytesImage("row 0", path.read_bytes).sha256 == image.sha256
    assert np.array_equal(image.open(), gradient())


def test_a_rewritten_file_has_another_key(tmp_path):
    path = saved(tmp_path / "a.png", gradient())
    before = FileImage(path).sha256
    saved(path, gradient().transpose(Image.Transpose.FLIP_LEFT_RIGHT))
    assert FileImage(path).sha256 != before


def test_box_cuts_and_changes_the_key(tmp_path):
    path = saved(tmp_path / "a.png", gradient())
    image = FileImage(path, box=(3, 4, 10, 5))
    assert np.array_equal(image.open(), np.asarray(gradient())[4:9, 3:13])
    assert (
        len({image.sha256, FileImage(path).sha256, FileImage(path, box=(3, 4, 10, 6)).sha256}) == 3
    )
    with pytest.raises(InputError, match="holds no pixel"):
        FileImage(path, box=(100, 0, 5, 5)).open()


def test_turned_as_exif_says(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise
    path = saved(tmp_path / "a.png", gradient(), exif=exif)
    expected = np.rot90(np.asarray(gradient()), k=-1)
    assert np.array_equal(FileImage(path).open(), expected)


def test_transparent_parts_are_white(tmp_path):
    rgba = np.zeros((2, 2, 4), dtype=np.uint8)
    rgba[0, 0] = (200, 10, 20, 255)
    rgba[0, 1] = (0, 0, 0, 128)
    picture = FileImage(saved(tmp_path / "a.png", Image.fromarray(rgba))).open()
    assert picture.mode == "RGB"
    assert picture.getpixel((0, 0)) == (200, 10, 20)
    assert picture.getpixel((1, 0)) == (127, 127, 127)
    assert picture.getpixel((0, 1)) == (255, 255, 255)


def test_palette_with_transparency(tmp_path):
    picture = Image.new("P", (2, 1), 0)
    picture.putpalette([10, 20, 30, 40, 50, 60])
    picture.putpixel((1, 0), 1)
    path = saved(tmp_path / "a.png", picture, transparency=1)
    opened = FileImage(path).open()
    assert [opened.getpixel((x, 0)) for x in (0, 1)] == [(10, 20, 30), (255, 255, 255)]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "YCbCr", "HSV", "LAB"])
def test_every_mode_becomes_rgb(mode):
    picture = upright_rgb(gradient().convert("L").convert("RGB").convert(mode)
                          if mode != "LAB" else Image.new("LAB", (4, 4)), "x")  # fmt: skip
    assert picture.mode == "RGB"


def test_sixteen_bit_grey_is_scaled(tmp_path):
    grey = np.array([[0, 257, 32896, 65535]], dtype=np.uint16)
    opened = FileImage(saved(tmp_path / "a.png", Image.fromarray(grey))).open()
    assert np.asarray(opened)[0, :, 0].tolist() == [0, 1, 128, 255]


def test_floating_point_is_refused():
    with pytest.raises(InputError, match="floating-point"):
        upright_rgb(Image.new("F", (2, 2)), "x")


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".gif", ".webp", ".bmp", ".tiff"])
def test_every_cut_of_a_file_is_one_line(tmp_path, suffix):
    sink = io.BytesIO()
    gradient().save(sink, {".jpg": "JPEG", ".tiff": "TIFF"}.get(suffix, suffix[1:].upper()))
    data = sink.getvalue()
    path = tmp_path / f"a{suffix}"
    for length in {0, 1, 5, 20, len(data) // 3, len(data) // 2, len(data) * 2 // 3}:
        path.write_bytes(data[:length])
        with pytest.raises(InputError) as caught:
            FileImage(path).open()
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)


def test_too_many_pixels(tmp_path, monkeypatch):
    path = saved(tmp_path / "a.png", gradient())
    monkeypatch.setattr(images, "MAX_PIXELS", 1000)
    with pytest.raises(InputError, match="48 x 30"):
        FileImage(path).open()
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 500)  # Pillow's own limit, exceeded twice
    with pytest.raises(InputError, match="more than"):
        FileImage(path).open()


def test_missing_folder_and_links(tmp_path):
    inside = tmp_path / "root"
    inside.mkdir()
    outside = saved(tmp_path / "a.png", gradient())
    (inside / "link.png").symlink_to(outside)
    for path, text in [
        (inside / "none.png", "does not exist"),
        (inside, "is not a file"),
        (inside / "link.png", "leads out of"),
        (inside / ".." / "a.png", "leads out of"),
    ]:
        with pytest.raises(InputError, match=text):
            FileImage(path, inside).open()
    assert FileImage(inside / "link.png").open().size == (48, 30)


def test_memory_image_is_keyed_by_its_pixels():
    first, second = MemoryImage(gradient()), MemoryImage(gradient().convert("RGBA"))
    assert first.sha256 == second.sha256
    assert MemoryImage(gradient().resize((30, 48))).sha256 != first.sha256
    assert np.array_equal(first.open(), gradient())


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_cut_files_do_not_look_whole(tmp_path, suffix):
    path = saved(tmp_path / f"a{suffix}", gradient())
    assert FileImage(path).looks_whole()
    data = path.read_bytes()
    for length in range(0, len(data), 7):
        path.write_bytes(data[:length])
        assert not FileImage(path).looks_whole()


def test_a_long_text_in_a_png_is_no_fault(tmp_path):
    """As generators write their recipe into a picture."""
    path = tmp_path / "a.png"
    note = PngInfo()
    note.add_text("parameters", "x" * 3_000_000, zip=True)
    Image.new("RGB", (6, 4), "red").save(path, pnginfo=note)
    assert FileImage(path).open().getpixel((0, 0)) == (255, 0, 0)


def test_a_damaged_exif_block_is_passed_over(tmp_path, recwarn):
    path = tmp_path / "a.jpg"
    exif = Image.Exif()
    exif[274] = 6
    exif[270] = "d" * 40
    damaged = exif.tobytes()[:-30]
    Image.new("RGB", (6, 4), "red").save(path, exif=damaged)
    assert FileImage(path).open().size in ((6, 4), (4, 6))


def test_the_reason_of_a_refusal_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(PngImagePlugin, "MAX_TEXT_CHUNK", 10)
    path = tmp_path / "a.png"
    note = PngInfo()
    note.add_text("parameters", "x" * 100, zip=True)
    Image.new("RGB", (6, 4)).save(path, pnginfo=note)
    with pytest.raises(InputError, match=r"not an image that can be read \(.*too large"):
        FileImage(path).open()
