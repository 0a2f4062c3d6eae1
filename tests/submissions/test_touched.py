"""What a proposed tree changes of the one that is there."""

import pytest

from gdbench.submissions.touched import touched
from gdbench.submissions.verify import verify


def changes(tree, base):
    return {(t.path, t.change, t.allowed) for t in touched(tree, base)}


def test_nothing_changed(tree, pristine):
    assert touched(tree, pristine) == []
    assert verify(tree, against=pristine).ok


def test_a_new_revision_may_be_added(tree, pristine):
    (tree / "hashing/1").rename(tree / "hashing/2")
    found = changes(pristine, tree)
    assert ("hashing/1/bias/record.json", "added", True) in found
    assert ("hashing/2/bias/record.json", "deleted", False) in found


@pytest.mark.parametrize("inside", ["hashing", "hashing/1", "hashing/1/bias"])
def test_whole_trees_are_compared_whatever_the_proposed_one_looks_like(tree, pristine, inside):
    found = changes(tree / inside, pristine)
    assert ("hashing/1/bias/record.json", "deleted", False) in found
    report = verify(tree / inside, against=pristine)
    assert "--against takes whole trees" in " ".join(p.problem for p in report.problems)


def test_one_byte_is_a_replacement(tree, pristine):
    path = tree / "denoising/2/winoground/scores.parquet"
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    assert ("denoising/2/winoground/scores.parquet", "replaced", False) in changes(tree, pristine)
