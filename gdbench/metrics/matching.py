"""Credits of items under ties: the probability of being right when ties are broken at random.

An item's credit is the expected value of "right" over all orders of equal scores, so a constant
model scores exactly chance. Strict counts every tie as wrong, lenient every tie as right, and
release is what the 2023 release of DiffusionITM counts.
"""

from __future__ import annotations

from itertools import permutations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import comb

from gdbench.protocol import Matrix

_ORDERS = np.array(list(permutations(range(4))), dtype=np.int64)  # (24, 4): ways to break ties


class Credit(NamedTuple):
    """Value of one item in 0..1: expected over tie orders, ties wrong, ties right; any tie?"""

    expected: float
    strict: float
    lenient: float
    tied: bool


class PairCredits(NamedTuple):
    """The three credits of a 2 x 2 item (Winoground, Thrush et al. 2022, section 3.2)."""

    text: Credit
    image: Credit
    group: Credit


class Credits(NamedTuple):
    """Credits of many items, each array of shape (...)."""

    expected: NDArray[np.float64]
    strict: NDArray[np.float64]
    lenient: NDArray[np.float64]
    tied: NDArray[np.bool_]
    release: NDArray[np.float64]

    def one(self) -> Credit:
        """The credit of a single item."""
        return Credit(
            self.expected.item(), self.strict.item(), self.lenient.item(), self.tied.item()
        )


def recall_credits(scores: Matrix, gold: NDArray[np.int64], k: int = 1) -> Credits:
    """R@k of the candidates `gold` (...) among `scores` (..., n_candidates).

    With `g` candidates above the gold one and `e` equal to it (itself included), its rank is
    uniform in g+1..g+e, so the credit is clip(k - g, 0, e) / e. The 2023 release takes the first
    maximum for R@1 and the end of a stable ascending sort for R@5 (diffusion-itm utils.py:35-46).
    """
    position = np.asarray(gold)[..., None]
    own = np.take_along_axis(scores, np.broadcast_to(position, (*scores.shape[:-1], 1)), axis=-1)
    same = scores == own
    greater = np.count_nonzero(scores > own, axis=-1)
    equal = np.count_nonzero(same, axis=-1)
    index = np.arange(scores.shape[-1])
    ahead = same & ((index < position) if k == 1 else (index > position))
    return Credits(
        np.clip(k - greater, 0, equal) / equal,
        (greater + equal <= k).astype(np.float64),
        (greater < k).astype(np.float64),
        equal > 1,
        (greater + np.count_nonzero(ahead, axis=-1) < k).astype(np.float64),
    )


def all_above_credits(scores: Matrix, k: int) -> Credits:
    """Whether the first k candidates are all above the others, of scores (..., n_candidates).

    Only those that equal the best of the others are in doubt: `a` of the first and `b` of the
    others, which stand in one of C(a + b, a) orders, one of them right. The 2023 release has no
    such task; a tie counts there as here.
    """
    first, others = scores[..., :k], scores[..., k:]
    bar = others.max(axis=-1, keepdims=True)
    below = np.any(first < bar, axis=-1)
    a = np.count_nonzero(first == bar, axis=-1)
    b = np.count_nonzero(others == bar, axis=-1)
    expected = np.where(below, 0.0, 1 / comb(a + b, a))
    lenient = (~below).astype(np.float64)
    return Credits(expected, np.where(a > 0, 0.0, lenient), lenient, a > 0, expected)


def matching_credits(matrices: Matrix) -> tuple[Credits, Credits, Credits]:
    """Text, image and group credits of scores (..., 2 images, 2 texts), gold on the diagonal.

    Text: each image prefers its own text. Image: each text prefers its own image. Group: both.
    Four equal scores give 1/4, 1/4 and 1/6. The 2023 release asks for strictly greater scores
    (diffusion-itm utils.py:14-15).
    """
    a, b, c, d = np.moveaxis(np.reshape(matrices, (*matrices.shape[:-2], 4)), -1, 0)
    comparisons = ((a, b, d, c), (a, c, d, b))  # text, image
    strict = [(w > x) & (y > z) for w, x, y, z in comparisons]
    lenient = [(w >= x) & (y >= z) for w, x, y, z in comparisons]
    tied = [(w == x) | (y == z) for w, x, y, z in comparisons]
    expected = [np.asarray(s, dtype=np.float64) for s in (*strict, strict[0] & strict[1])]
    # Equal scores matter only where two of one comparison are equal.
    at = np.asarray(tied[0] | tied[1])
    if at.any():
        four = np.stack([np.asarray(v)[at] for v in (a, b, c, d)], axis=-1)
        level = np.count_nonzero(four[..., :, None] > four[..., None, :], axis=-1)  # (m, 4)
        o = level[:, None, :] * 4 + _ORDERS  # the level decides, the order only among equals
        text = (o[..., 0] > o[..., 1]) & (o[..., 3] > o[..., 2])
        image = (o[..., 0] > o[..., 2]) & (o[..., 3] > o[..., 1])
        for values, right in zip(expected, (text, image, text & image), strict=True):
            values[at] = right.mean(axis=-1)
    strict.append(strict[0] & strict[1])
    lenient.append(lenient[0] & lenient[1])
    tied.append(tied[0] | tied[1])
    text_image_group = [
        Credits(
            expected[i],
            np.asarray(strict[i], dtype=np.float64),
            np.asarray(lenient[i], dtype=np.float64),
            np.asarray(tied[i]),
            np.asarray(strict[i], dtype=np.float64),
        )
        for i in range(3)
    ]
    return text_image_group[0], text_image_group[1], text_image_group[2]


def recall_credit(scores: Matrix, gold: int, k: int = 1) -> Credit:
    """R@k of candidate `gold` among `scores` of shape (n_candidates,); see `recall_credits`."""
    return recall_credits(np.asarray(scores)[None], np.array([gold]), k).one()


def pair_credits(matrix: Matrix) -> PairCredits:
    """The credits of one item of shape (2 images, 2 texts); see `matching_credits`."""
    return PairCredits(*(c.one() for c in matching_credits(np.asarray(matrix)[None])))
