"""The score matrices of many items in one array, where a list of them would take ten times more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray

from gdbench.protocol import Matrix


class ScoreMatrices(Sequence[Matrix]):
    """A sequence of matrices (n_images, n_texts) that stand one after the other.

    Args:
        values: the scores of all matrices, row by row.
        shapes: (n, 2), images and texts of each.
    """

    def __init__(self, values: NDArray[np.floating], shapes: NDArray[np.integer]) -> None:
        self._values, self._shapes = values, shapes
        self._starts = np.concatenate([[0], np.cumsum(shapes[:, 0] * shapes[:, 1])])

    def __len__(self) -> int:
        return len(self._shapes)

    @overload
    def __getitem__(self, index: int) -> Matrix: ...
    @overload
    def __getitem__(self, index: slice) -> list[Matrix]: ...
    def __getitem__(self, index: int | slice) -> Matrix | list[Matrix]:
        if isinstance(index, slice):
            return [self[k] for k in range(*index.indices(len(self)))]
        images, texts = self._shapes[index]
        start = self._starts[range(len(self))[index]]
        matrix: Matrix = self._values[start : start + images * texts].reshape(images, texts)
        return matrix

    def stack(self, positions: NDArray[np.int64]) -> NDArray[np.floating]:
        """The matrices at some positions, all of one shape: (m, n_images, n_texts)."""
        images, texts = self._shapes[positions[0]]
        cells = self._starts[positions][:, None] + np.arange(images * texts)
        matrices: NDArray[np.floating] = self._values[cells].reshape(-1, images, texts)
        return matrices


def stacked(matrices: Sequence[Matrix], positions: NDArray[np.int64]) -> Matrix:
    """The matrices at some positions, all of one shape, as one array (m, n_images, n_texts)."""
    if isinstance(matrices, ScoreMatrices):
        return matrices.stack(positions)
    return np.stack([matrices[i] for i in positions])
