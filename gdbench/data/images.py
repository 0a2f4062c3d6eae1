"""Pictures that are not read before they are needed, keyed by their content.

The key of a picture is the sha256 of its bytes as published, so the same file has the same key on
every machine and in every layout that carries the original bytes.
"""

from __future__ import annotations

import hashlib
import io
import struct
import warnings
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, ImageOps, PngImagePlugin, UnidentifiedImageError

from gdbench.errors import InputError

MAX_PIXELS = 89_000_000
"""Pictures above this are refused: a small file can unfold to any size. Pillow warns from here."""

FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF")
"""What pictures may be: other formats have decoders that nobody needs here, some of them run
programs."""

Box = tuple[int, int, int, int]

Verify = Literal["none", "quick", "full"]
"""How pictures are looked at before they are needed: not, whole or cut (`ends_well`), decoded."""
_PNG_END = b"IEND\xaeB`\x82"
_MOST_PNG_TEXT = 64 * 2**20  # bytes; generators write their whole recipe into a picture
PngImagePlugin.MAX_TEXT_CHUNK = _MOST_PNG_TEXT

# What Pillow raises on damaged files, depending on the format and on where the damage is.
_DAMAGED = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    TypeError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)


# Filters are set once: a picture may be read in any thread. Pictures that are too large are refused
# by `_check_size`, and a damaged EXIF block is passed over.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
warnings.filterwarnings("ignore", message="Corrupt EXIF data", category=UserWarning)


def upright_rgb(image: Image.Image, name: str) -> Image.Image:
    """The picture turned as its EXIF says, in RGB, transparent parts on white.

    Sixteen-bit greyscale is scaled to eight bits (Pillow would clip it). `name` stands in errors.

    Raises:
        InputError: The pixels are damaged, too many, or of a kind without a defined brightness.
    """
    _check_size(image, name)
    try:
        turned = _turned(image)
        if turned.mode.startswith("I"):
            grey = np.asarray(turned, dtype=np.int64)
            wide = turned.mode != "I" or grey.max(initial=0) > np.iinfo(np.uint8).max
            if wide:
                grey = (np.clip(grey, 0, 65535) + 128) // 257
            turned = Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8))
        if turned.mode == "F":
            raise InputError(f"{name}: floating-point pixels; save it as 8-bit PNG or JPEG")
        if turned.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in turned.info:
            with_alpha = turned.convert("RGBA")
            turned = Image.new("RGBA", with_alpha.size, "white")
            turned.alpha_composite(with_alpha)
        return turned.convert("RGB")
    except _DAMAGED as error:
        raise InputError(f"{name}: damaged image ({error}); fetch the file again") from error


def _turned(image: Image.Image) -> Image.Image:
    """The picture as its EXIF block says; as it is where that block is damaged."""
    try:
        return ImageOps.exif_transpose(image)
    except (*_DAMAGED, UserWarning):
        # damaged pixels are found when they are read
        return image


def ends_well(data_start: bytes, data_end: bytes) -> bool:
    """Whether a JPEG or PNG begins and ends as a whole one does; False: it has to be decoded.

    Cut downloads, the usual damage, are found without decoding, some hundred times faster.
    """
    if data_start.startswith(b"\xff\xd8\xff"):
        return data_end.endswith(b"\xff\xd9")
    return data_start.startswith(b"\x89PNG\r\n\x1a\n") and data_end.endswith(_PNG_END)


def _check_size(image: Image.Image, name: str) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise InputError(
            f"{name}: {width} x {height} pixels; more than {MAX_PIXELS:,} are not accepted"
        )


def decode(data: bytes, name: str, box: Box | None = None) -> Image.Image:
    """The picture in `data`, upright, RGB, cut to `box` (x, y, width, height in pixels).

    Raises:
        InputError: The bytes are no whole picture, or the box is outside of it.
    """
    try:
        opened = Image.open(io.BytesIO(data), formats=FORMATS)
    except _DAMAGED as error:
        reason = "an empty file" if not data else "not an image that can be read"
        if data and not isinstance(error, UnidentifiedImageError):
            reason += f" ({error})"
        if isinstance(error, (Image.DecompressionBombError, Image.DecompressionBombWarning)):
            reason = f"more than {MAX_PIXELS:,} pixels"
        raise InputError(f"{name}: {reason}; expected a JPEG or PNG file") from error
    with opened:
        picture = upright_rgb(opened, name)
    return picture if box is None else _cut(picture, box, name)


def _cut(picture: Image.Image, box: Box, name: str) -> Image.Image:
    x, y, width, height = box
    right, bottom = min(x + width, picture.width), min(y + height, picture.height)
    left, top = max(x, 0), max(y, 0)
    if right <= left or bottom <= top:
        raise InputError(
            f"{name}: box {box} (x, y, width, height) holds no pixel of "
            f"the {picture.width} x {picture.height} picture"
        )
    return picture.crop((left, top, right, bottom))


def _boxed(digest: str, box: Box | None) -> str:
    if box is None:
        return digest
    x, y, width, height = box
    return hashlib.sha256(f"{digest}/box:{x},{y},{width},{height}".encode()).hexdigest()


@lru_cache(maxsize=65536)
def _hash_file(path: str, size: int, mtime_ns: int) -> str:  # noqa: ARG001 # part of the cache key
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True, slots=True)
class FileImage:
    """A picture in a file below `root` (anywhere without one), optionally cut to `box`.

    `box` is (x, y, width, height) in pixels of the upright picture and is part of the hash.
    """

    path: Path
    root: Path | None = None
    box: Box | None = None

    @property
    def sha256(self) -> str:
        """Hash of the file's bytes and the box. Raises InputError where it cannot be read."""
        path = self._checked()
        try:
            stat = path.stat()
            digest = _hash_file(str(path), stat.st_size, stat.st_mtime_ns)
        except OSError as error:
            raise InputError(f"{self.path}: cannot be read ({error.strerror})") from error
        return _boxed(digest, self.box)

    def open(self) -> Image.Image:
        """The picture, upright, RGB. Raises InputError where it is missing or damaged."""
        path = self._checked()
        try:
            data = path.read_bytes()
        except OSError as error:
            raise InputError(f"{self.path}: cannot be read ({error.strerror})") from error
        return decode(data, str(self.path), self.box)

    def looks_whole(self) -> bool:
        """Whether the file begins and ends as a picture. Raises InputError if it is not there."""
        path = self._checked()
        try:
            with path.open("rb") as file:
                start = file.read(16)
                file.seek(max(0, path.stat().st_size - 16))
                return ends_well(start, file.read())
        except OSError as error:
            raise InputError(f"{self.path}: cannot be read ({error.strerror})") from error

    def _checked(self) -> Path:
        try:
            real = self.path.resolve()
            inside = self.root is None or real.is_relative_to(_resolved(self.root))
        except (OSError, RuntimeError, ValueError) as error:  # loops of links, NUL in a name
            raise InputError(f"{self.path}: cannot be followed ({error})") from error
        if not inside:
            raise InputError(f"{self.path}: leads out of {self.root}; put a copy inside")
        if not real.is_file():
            what = "is not a file" if real.exists() else "does not exist"
            raise InputError(f"{self.path}: {what}; expected an image")
        return real


@lru_cache(maxsize=256)
def _resolved(root: Path) -> Path:
    return root.resolve()


@dataclass(frozen=True, slots=True)
class BytesImage:
    """A picture whose encoded bytes are fetched when needed, e.g. from a row of a table."""

    name: str  # stands in errors
    read: Callable[[], bytes]
    box: Box | None = None

    @property
    def sha256(self) -> str:
        """Hash of the bytes and the box."""
        return _boxed(hashlib.sha256(self.read()).hexdigest(), self.box)

    def open(self) -> Image.Image:
        """The picture, upright, RGB. Raises InputError where it is damaged."""
        return decode(self.read(), self.name, self.box)


def image(source: str | Path | bytes | Image.Image) -> FileImage | BytesImage | MemoryImage:
    """A picture for an `Item`: a file (not read before it is needed), its bytes, or in memory.

    Raises InputError where a file is not there, or the source is something else.
    """
    if isinstance(source, str | Path):
        path = Path(source).expanduser().absolute()
        if not path.is_file():
            raise InputError(f"image {source}: there is no such file")
        return FileImage(path)
    if isinstance(source, bytes):
        return BytesImage("image", partial(bytes, source))
    if isinstance(source, Image.Image):
        return MemoryImage(source)
    raise InputError(f"image: expected a path, bytes or a picture, it is {type(source).__name__}")


class MemoryImage:
    """A picture that is already in memory; its hash is that of its upright RGB pixels."""

    __slots__ = ("_picture", "sha256")

    def __init__(self, picture: Image.Image, name: str = "image") -> None:
        self._picture = upright_rgb(picture, name)
        size = struct.pack("<2I", *self._picture.size)
        self.sha256 = hashlib.sha256(size + self._picture.tobytes()).hexdigest()

    def open(self) -> Image.Image:
        """A copy of the picture."""
        return self._picture.copy()
