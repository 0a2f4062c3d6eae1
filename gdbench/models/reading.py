"""Pictures that are decoded in threads, while a network runs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

from PIL import Image

from gdbench.protocol import ImageRef

T = TypeVar("T")
_MOST_READERS = 8


class Reading(Generic[T]):
    """What threads make of pictures, each by its hash; Pillow lets go of Python's lock there."""

    def __init__(self, work: Callable[[ImageRef], T]) -> None:
        """`work` makes something of a picture; it may raise, and then `take` does."""
        self._work = work
        self._pool = ThreadPoolExecutor(
            min(_MOST_READERS, os.cpu_count() or 1), thread_name_prefix="gdbench-read"
        )
        self._coming: dict[str, Future[T]] = {}

    def begin(self, images: Iterable[ImageRef]) -> None:
        """Begin with some pictures that will be asked for."""
        for image in images:
            if image.sha256 not in self._coming:
                self._coming[image.sha256] = self._pool.submit(self._work, image)

    def take(self, image: ImageRef) -> T:
        """What became of a picture; what was not begun is done now, in this thread."""
        coming = self._coming.pop(image.sha256, None)
        return self._work(image) if coming is None else coming.result()

    def drop(self, images: Iterable[ImageRef]) -> None:
        """Forget pictures that were begun and are not needed after all."""
        for image in images:
            self._coming.pop(image.sha256, None)


@dataclass(frozen=True)
class ReadAhead:
    """A reference to a picture that may be decoded already."""

    image: ImageRef
    reading: Reading[Image.Image]

    @property
    def sha256(self) -> str:
        """Hash of the picture."""
        return self.image.sha256

    def open(self) -> Image.Image:
        """The picture, upright, RGB."""
        return self.reading.take(self.image)
