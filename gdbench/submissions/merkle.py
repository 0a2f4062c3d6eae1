"""One hash that commits to every item of a result, and proofs for single items.

A Merkle tree as in RFC 6962, section 2.1: leaves and nodes are hashed with different prefixes, so
no node passes for a leaf. With the root and a proof of some hashes, one item can be shown and
checked without the others, and a later edit of any item gives another root.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gdbench.errors import InputError
from gdbench.protocol import Scores
from gdbench.records import canonical

_LEAF, _NODE = b"\x00", b"\x01"


@dataclass(frozen=True)
class Proof:
    """That an item is the `index`-th of `size` leaves below `root`."""

    leaf: dict[str, Any]
    """What is committed to: see `leaf_of`."""
    index: int
    size: int
    path: tuple[str, ...]
    """Hashes from the leaf upwards (RFC 6962, section 2.1.1)."""
    root: str

    @property
    def holds(self) -> bool:
        """Whether the leaf and the path give the root."""
        return root_from(canonical(self.leaf), self.index, self.size, self.path) == self.root


def leaf_of(scores: Scores, noise_sha256: str | None) -> dict[str, Any]:
    """What the tree commits to of one item; arrays as the hash of their bytes, scores in full."""
    return {
        "item": scores.item_id,
        "scores": [[float(value) for value in row] for row in scores.matrix],
        "dtype": str(scores.matrix.dtype),
        "errors": _digest(scores.errors),
        "unconditional_errors": _digest(scores.unconditional_errors),
        "noise_sha256": noise_sha256,
        "truncated_texts": scores.truncated_texts,
    }


def _digest(values: NDArray[np.float32] | None) -> str | None:
    """sha256 of an array's shape and little-endian bytes."""
    if values is None:
        return None
    data = np.ascontiguousarray(values, dtype="<f4").tobytes()
    return hashlib.sha256(f"{values.shape}".encode() + data).hexdigest()


def _leaves(scores: Iterable[Scores], noise_sha256: str | None) -> list[dict[str, Any]]:
    return [leaf_of(s, noise_sha256) for s in sorted(scores, key=lambda s: s.item_id)]


def root_of(scores: Iterable[Scores], noise_sha256: str | None) -> str:
    """The root over all items, in the order of their ids; the file's order is no part of it."""
    return _root([_hash_leaf(canonical(leaf)) for leaf in _leaves(scores, noise_sha256)]).hex()


def proof_of(item: str, scores: Sequence[Scores], noise_sha256: str | None) -> Proof:
    """The proof of one item. Raises InputError where it is not among the scores."""
    leaves = _leaves(scores, noise_sha256)
    index = next((i for i, leaf in enumerate(leaves) if leaf["item"] == item), None)
    if index is None:
        raise InputError(f"--item {item!a}: there is no such item among {len(leaves)}")
    hashes = [_hash_leaf(canonical(leaf)) for leaf in leaves]
    path = tuple(h.hex() for h in _path(index, hashes))
    return Proof(leaves[index], index, len(leaves), path, _root(hashes).hex())


def root_from(leaf: bytes, index: int, size: int, path: Sequence[str]) -> str:
    """The root that a leaf and a path give (RFC 9162, section 2.1.3.2); empty where they cannot."""
    if not 0 <= index < size:
        return ""
    node, last, found = index, size - 1, _hash_leaf(leaf)
    for step in path:
        if last == 0:
            return ""
        other = bytes.fromhex(step)
        if node & 1 or node == last:
            found = _hash_node(other, found)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            found = _hash_node(found, other)
        node, last = node >> 1, last >> 1
    return found.hex() if last == 0 else ""


def _hash_leaf(data: bytes) -> bytes:
    return hashlib.sha256(_LEAF + data).digest()


def _hash_node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(_NODE + left + right).digest()


def _split(n: int) -> int:
    """The largest power of two below n."""
    return 1 << (n - 1).bit_length() - 1


def _root(hashes: Sequence[bytes]) -> bytes:
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    k = _split(len(hashes))
    return _hash_node(_root(hashes[:k]), _root(hashes[k:]))


def _path(index: int, hashes: Sequence[bytes]) -> list[bytes]:
    if len(hashes) == 1:
        return []
    k = _split(len(hashes))
    if index < k:
        return [*_path(index, hashes[:k]), _root(hashes[k:])]
    return [*_path(index - k, hashes[k:]), _root(hashes[:k])]
