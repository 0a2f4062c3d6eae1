"""Commitments: the tree of RFC 6962, proofs of single items, edits that show."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gdbench.errors import InputError
from gdbench.protocol import Scores
from gdbench.records import canonical
from gdbench.submissions.merkle import _hash_leaf, _path, _root, proof_of, root_from, root_of


def items(n, *, errors=False):
    rng = np.random.default_rng(n)
    return [
        Scores(
            f"i{k:03d}",
            rng.normal(size=(1, 2)).astype(np.float32),
            rng.uniform(1, 2, (1, 2, 3)).astype(np.float32) if errors else None,
        )
        for k in range(n)
    ]


def test_the_tree_is_that_of_the_rfc():
    """Roots of Certificate Transparency's test leaves (sizes 1, 2, 3, 8)."""
    leaves = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657",
              "606162636465666768696a6b6c6d6e6f"]  # fmt: skip
    hashes = [_hash_leaf(bytes.fromhex(leaf)) for leaf in leaves]
    roots = {
        1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    }
    assert {n: _root(hashes[:n]).hex() for n in roots} == roots
    assert _root([]) == hashlib.sha256(b"").digest()


@given(st.integers(1, 40), st.data())
def test_every_item_can_be_proved_and_no_other(n, data):
    hashes = [_hash_leaf(bytes([k])) for k in range(n)]
    index = data.draw(st.integers(0, n - 1))
    path = [h.hex() for h in _path(index, hashes)]
    root = _root(hashes).hex()
    assert root_from(bytes([index]), index, n, path) == root
    assert root_from(bytes([index + 1]), index, n, path) != root
    if n > 1:
        assert root_from(bytes([index]), (index + 1) % n, n, path) != root


def test_an_item_is_shown_and_an_edit_shows():
    scores = items(7, errors=True)
    proof = proof_of("i004", scores, "a" * 64)
    assert proof.holds
    assert proof.root == root_of(scores[::-1], "a" * 64)  # the file's order is no part of it
    assert proof.leaf["scores"] == scores[4].matrix.tolist()
    better = proof.leaf | {"scores": [[9.0, 0.0]]}
    assert not replace(proof, leaf=better).holds
    bent = [replace(scores[0], errors=scores[0].errors + np.float32(1)), *scores[1:]]
    assert root_of(bent, "a" * 64) != proof.root
    assert root_of(scores, "b" * 64) != proof.root
    with pytest.raises(InputError, match="--item"):
        proof_of("nobody", scores, None)


def test_a_leaf_is_plain_json():
    assert canonical(proof_of("i000", items(1), None).leaf).startswith(b'{"dtype":"float32"')
