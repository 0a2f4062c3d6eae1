"""Bounded memory for what is computed once, and an optional folder that outlives the run."""

from __future__ import annotations

import os
import tempfile
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO, Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

Value = TypeVar("Value")


class LRU(Generic[Value]):
    """A mapping that forgets the least recently used entries beyond a total size.

    `size_of` gives an entry's size (1: entries are counted); the newest always stays.
    """

    def __init__(self, limit: int, size_of: Callable[[Value], int] = lambda _: 1) -> None:
        self.limit, self.size_of, self.size = limit, size_of, 0
        self._entries: OrderedDict[str, Value] = OrderedDict()

    def get(self, key: str) -> Value | None:
        """The value, now the most recently used, or None."""
        if key not in self._entries:
            return None
        self._entries.move_to_end(key)
        return self._entries[key]

    def put(self, key: str, value: Value) -> None:
        """Remember a value."""
        known = self._entries.pop(key, None)
        self.size += self.size_of(value) - (0 if known is None else self.size_of(known))
        self._entries[key] = value
        while self.size > self.limit and len(self._entries) > 1:
            _, forgotten = self._entries.popitem(last=False)
            self.size -= self.size_of(forgotten)

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
        _write(self._path(digest), lambda file: np.save(file, array, allow_pickle=False))


class TensorFolder:
    """Named tensors on disk, one .safetensors file per content hash; as `ArrayFolder`."""

    def __init__(self, root: Path, key: str) -> None:
        self.folder = root / key

    def _path(self, digest: str) -> Path:
        return self.folder / digest[:2] / f"{digest}.safetensors"

    def load(self, digest: str, device: torch.device) -> dict[str, torch.Tensor] | None:
        """The tensors, or None where there are none (or damaged ones)."""
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        path = self._path(digest)
        if not path.is_file():
            return None
        try:
            return load_file(path, device=str(device))
        except (OSError, ValueError, SafetensorError):
            return None

    def save(self, digest: str, tensors: Mapping[str, torch.Tensor]) -> None:
        """Write tensors atomically. A full disk costs the cache, never the run."""
        from safetensors.torch import save

        data = save({name: tensor.cpu().contiguous() for name, tensor in tensors.items()})
        _write(self._path(digest), lambda file: file.write(data))


def _write(path: Path, write: Callable[[BinaryIO], object]) -> None:
    temporary = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
        with os.fdopen(handle, "wb") as file:
            write(file)
        Path(temporary).replace(path)
    except OSError:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
