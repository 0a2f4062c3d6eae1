"""Credits of one item under ties: the probability of being right when ties are broken at random.

An item's credit is the expected value of "right" over all orders of equal scores, so a constant
model scores exactly chance. Strict counts every tie as wrong, lenient every tie as right.
"""

from __future__ import annotations

from itertools import permutations
from typing import NamedTuple

import numpy as np

from gdbench.protocol import Matrix

_ORDERS = np.array(list(permutations(range(4))), dtype=np.int64)  # (24, 4): ways to break ties


class Credit(NamedTuple):
    """Value of one item in 0..1: expected over tie orders, ties wrong, ties right, was there one."""

    expected: float
    strict: float
    lenient: float
    tied: bool


class PairCredits(NamedTuple):
    """The three credits of a 2 x 2 item (Winoground, Thrush et al. 2022, section 3.2)."""

    text: Credit
    image: Credit
    group: Credit


def recall_credit(scores: Matrix, gold: int, k: int = 1) -> Credit:
    """R@k of candidate `gold` among `scores` of shape (n_candidates,).

    With `g` candidates above the gold one and `e` equal to it (itself included), its rank is
    uniform in g+1..g+e, so the credit is clip(k - g, 0, e) / e.
    """
    own = scores[gold]
    greater = int(np.count_nonzero(scores > own))
    equal = int(np.count_nonzero(scores == own))
    expected = min(max(k - greater, 0), equal) / equal
    return Credit(expected, float(greater + equal <= k), float(greater < k), equal > 1)


def pair_credits(matrix: Matrix) -> PairCredits:
    """Text, image and group credit of scores of shape (2 images, 2 texts), gold on the diagonal.

    Text: each image prefers its own text. Image: each text prefers its own image. Group: both.
    Four equal scores give 1/4, 1/4 and 1/6.
    """
    flat = np.asarray(matrix).reshape(4)  # i0t0, i0t1, i1t0, i1t1
    rank = np.argsort(np.argsort(flat, kind="stable"), kind="stable")
    _, level = np.unique(flat, return_inverse=True)
    if len(np.unique(level)) == len(level):
        orders = rank[None, :]
    else:  # the level decides, the permutation only among equals
        orders = level[None, :] * 4 + _ORDERS
    text = (orders[:, 0] > orders[:, 1]) & (orders[:, 3] > orders[:, 2])
    image = (orders[:, 0] > orders[:, 2]) & (orders[:, 3] > orders[:, 1])
    tied_text = flat[0] == flat[1] or flat[3] == flat[2]
    tied_image = flat[0] == flat[2] or flat[3] == flat[1]
    strict_text = flat[0] > flat[1] and flat[3] > flat[2]
    strict_image = flat[0] > flat[2] and flat[3] > flat[1]
    lenient_text = flat[0] >= flat[1] and flat[3] >= flat[2]
    lenient_image = flat[0] >= flat[2] and flat[3] >= flat[1]

    def credit(right: np.ndarray, strict: object, lenient: object, tied: object) -> Credit:
        return Credit(float(right.mean()), float(bool(strict)), float(bool(lenient)), bool(tied))

    return PairCredits(
        credit(text, strict_text, lenient_text, tied_text),
        credit(image, strict_image, lenient_image, tied_image),
        credit(
            text & image,
            strict_text and strict_image,
            lenient_text and lenient_image,
            tied_text or tied_image,
        ),
    )
