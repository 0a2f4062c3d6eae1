"""Pictures of a page in one file."""

import io

from PIL import Image

from gdbench.data.images import MemoryImage
from gdbench.leaderboard.show.sprite import COLUMNS, same_pixels, sprite


def plain(colour: tuple[int, int, int], side: int = 8) -> MemoryImage:
    return MemoryImage(Image.new("RGB", (side, side), colour))


def test_every_picture_is_where_it_should_be_and_only_once():
    pictures = [plain((k * 7, 255 - k, k)) for k in range(COLUMNS + 3)]
    found = sprite([*pictures, pictures[0]], 8)
    assert len(found.places) == COLUMNS + 3
    assert (found.width, found.height) == (COLUMNS * 8, 16)
    with Image.open(io.BytesIO(found.png)) as sheet:
        pixels = sheet.convert("RGB")
    for k, picture in enumerate(pictures):
        x, y = found.places[picture.sha256]
        assert pixels.getpixel((x + 4, y + 4)) == (k * 7, 255 - k, k)


def test_a_large_picture_is_scaled_down():
    found = sprite([plain((10, 20, 30), side=64)], 8)
    assert found.height == 8


def test_the_same_pixels_in_another_compression_are_the_same():
    def png(colour: tuple[int, int, int], level: int) -> bytes:
        out = io.BytesIO()
        Image.new("RGB", (40, 40), colour).save(out, "PNG", compress_level=level)
        return out.getvalue()

    assert png((1, 2, 3), 0) != png((1, 2, 3), 9)
    assert same_pixels(png((1, 2, 3), 0), png((1, 2, 3), 9))
    assert not same_pixels(png((1, 2, 3), 9), png((1, 2, 4), 9))
    assert not same_pixels(b"no picture", png((1, 2, 3), 9))
