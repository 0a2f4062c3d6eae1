"""Bounded memory for what is computed once, and an optional folder that outlives the run."""

from __future__ import annotations

import os
import tempfile
from collections import OrderedDict
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Value = TypeVar("Value")


class LRU(Generic[Value]):
    """A mapping that forgets the least recently used entry beyond `limit` entries."""

    def __init__(self, limit: int) -> None:
        self.limit = max(1, limit)
        self._entries: OrderedDict[str, Value] = OrderedDict()

    def get(self, key: str) -> Value | None:
        """The value, now the most recently used, or None."""
        if key not in self._entries:
            return None
        self._entries.move_to_end(key)
        return self._entries[key]

    def put(self, key: str, value: Value) -> None:
        """Remember a value."""
        self._entries[key] = value
        self._entries.move_to_end(key)
        if len(self._entries) > self.limit:
            self._entries.popitem(last=False)

    def __len__(self) -> int:
        return len(self._entries)


class ArrayFolder:
    """float32 arrays of one shape on disk, one .npy file per content hash.

    `key` names everything the arrays depend on (weights, settings); other keys never meet. Files
    are written to the side and renamed, and one that is damaged is treated as absent.
    """

    def __init__(self, root: Path, key: str, shape: tuple[int, ...]) -> None:
        self.folder, self.shape = root / key, shape

    def _path(self, digest: str) -> Path:
        return self.folder / digest[:2] / f"{digest}.npy"

    def load(self, digest: str) -> NDArray[np.float32] | None:
        """The array, or None where there is none (or a damaged one)."""
        try:
            array: NDArray[np.float32] = np.load(self._path(digest), allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None
        good = array.shape == self.shape and array.dtype == np.float32
        return array if good else None

    def save(self, digest: str, array: NDArray[np.float32]) -> None:
        """Write an array atomically. A full disk costs the cache, never the run."""
        path = self._path(digest)
        temporary = ""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
            with os.fdopen(handle, "wb") as file:
                np.save(file, array, allow_pickle=False)
            Path(temporary).replace(path)
        except OSError:
            if temporary:
                Path(temporary).unlink(missing_ok=True)
