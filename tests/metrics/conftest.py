"""Boards of labels and matrices that the tests of metrics share."""

import numpy as np
import pytest

from gdbench.protocol import Label, Query


@pytest.fixture
def retrieval():
    """A function that makes text-retrieval labels and matrices: (scores (n, k), clusters)."""

    def make(scores, clusters=None, subtasks=None):
        scores = np.asarray(scores, dtype=np.float32)
        labels = [
            Label(
                f"i{i}",
                Query.TEXT_RETRIEVAL,
                (0,),
                1,
                scores.shape[1],
                "s" if subtasks is None else subtasks[i],
                f"i{i}" if clusters is None else str(clusters[i]),
            )
            for i in range(len(scores))
        ]
        return labels, [row[None] for row in scores]

    return make
