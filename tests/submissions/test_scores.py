"""Score files with damage anywhere: never a crash, and what is read is what was written."""

import io
import random
import warnings
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gdbench.protocol import Label, Query, Scores
from gdbench.store import hash_scores
from gdbench.submissions.copies import fingerprint
from gdbench.submissions.finished import read_finished, read_record
from gdbench.submissions.manifest import ManifestSource
from gdbench.submissions.problems import Rejected
from gdbench.submissions.scores import encode, read_scores
from tests.submissions.tampering import WINO, score_edit


def some_scores(n=40, *, errors=False):
    rng = np.random.default_rng(0)
    return [
        Scores(
            f"item-{i}",
            rng.normal(size=(2, 3)).astype(np.float32),
            rng.uniform(1, 2, (2, 3, 5)).astype(np.float32) if errors else None,
            rng.uniform(1, 2, (2, 5)).astype(np.float32) if errors else None,
            i % 3,
        )
        for i in range(n)
    ]


LABELS = {
    f"item-{i}": Label(f"item-{i}", Query.MATCHING, (0, 1), 2, 3, "s", f"item-{i}")
    for i in range(40)
}


@pytest.mark.parametrize("errors", [False, True])
def test_round_trip(tmp_path, errors):
    path = tmp_path / "scores.parquet"
    scores = some_scores(errors=errors)
    path.write_bytes(encode(scores, errors=errors))
    found = read_scores(path, LABELS)
    assert found.with_errors is errors
    assert hash_scores(found.scores) == hash_scores(scores)
    assert [s.truncated_texts for s in found.scores] == [s.truncated_texts for s in scores]


def test_unconditional_errors_are_there_for_the_items_that_need_them(tmp_path):
    path = tmp_path / "scores.parquet"
    scores = some_scores(errors=True)
    scores[3] = replace(scores[3], unconditional_errors=None)
    data = encode(scores, errors=True)
    path.write_bytes(data)
    assert hash_scores(read_scores(path, LABELS).scores) == hash_scores(scores)
    table = pq.read_table(io.BytesIO(data))
    column = table.column("unconditional_errors").to_pylist()
    column[7] = None  # one pair of an item that has the others
    place = table.column_names.index("unconditional_errors")
    torn = pa.array(column, pa.list_(pa.float32()))
    pq.write_table(table.set_column(place, "unconditional_errors", torn), path)
    with pytest.raises(Rejected, match="some pairs only"):
        read_scores(path, LABELS)


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=6, max_size=6))
@settings(max_examples=30)
def test_every_float32_survives(tmp_path_factory, values):
    path = tmp_path_factory.mktemp("s") / "scores.parquet"
    matrix = np.array(values, dtype=np.float32).reshape(2, 3)
    path.write_bytes(encode([Scores("item-0", matrix)], errors=False))
    found = read_scores(path, LABELS).scores[0].matrix
    assert found.tobytes() == matrix.tobytes()


def damaged(data, rng):
    kind = rng.randrange(4)
    out = bytearray(data)
    if kind == 0:
        out[rng.randrange(len(out))] ^= 1 << rng.randrange(8)
    elif kind == 1:
        out = out[: rng.randrange(len(out))] + b"PAR1"
    elif kind == 2:
        out[len(out) - rng.randrange(1, 1500)] = rng.randrange(256)  # in the footer
    else:
        start = rng.randrange(len(out))
        del out[start : start + rng.randrange(1, 30)]
    return bytes(out)


def test_damage_is_refused_or_harmless(tmp_path):
    path = tmp_path / "scores.parquet"
    scores = some_scores()
    data, digest = encode(scores, errors=False), hash_scores(scores)
    rng = random.Random(1)
    refused = changed = 0
    for _ in range(400):
        path.write_bytes(damaged(data, rng))
        try:
            found = read_scores(path, LABELS)
        except Rejected:
            refused += 1
        else:
            changed += hash_scores(found.scores) != digest
    assert refused > 250
    assert changed == 0  # page checksums guard the numbers


def test_a_footer_with_which_arrow_ends_the_process_is_refused(tmp_path):
    """Lists of other lengths, wherever the footer has one: some are histograms of levels.

    Without the check of the footer there is no failure to see here, the process is gone.
    """
    path = tmp_path / "scores.parquet"
    data = encode(some_scores(), errors=False)
    footer = range(len(data) - 8 - int.from_bytes(data[-8:-4], "little"), len(data) - 8)
    # the head of a list of 64-bit numbers: how many, in the upper half of a byte
    heads = [place for place in footer if data[place] & 15 == 6]
    refused = 0
    for place in heads:
        for more in (0x10, 0x20):
            path.write_bytes(data[:place] + bytes([data[place] ^ more]) + data[place + 1 :])
            try:
                read_scores(path, LABELS)
            except Rejected:
                refused += 1
    assert refused > len(heads)


@pytest.mark.parametrize("name", ["item", "image", "text", "score", "truncated_texts"])
def test_every_column_is_needed(tmp_path, name):
    table = pq.read_table(io.BytesIO(encode(some_scores(), errors=False)))
    pq.write_table(table.drop_columns([name]), tmp_path / "scores.parquet")
    with pytest.raises(Rejected):
        read_scores(tmp_path / "scores.parquet", LABELS)


def test_scores_at_the_end_of_float32_are_compared_with_others(tree):
    """The difference of two of them is none of float32; a warning would fail this test."""
    rng = np.random.default_rng(0)

    def extreme(frame):
        sign = np.where(frame.image == frame.text, 1, -1) * rng.uniform(0.5, 1, len(frame))
        return frame.assign(score=(sign * 3.4e38).astype("float32"))

    score_edit(extreme, fit_hash=True)(tree)
    record, _ = read_record(tree / WINO / "record.json")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = fingerprint(read_finished(tree / WINO, record, ManifestSource()))
    assert found is not None
    assert np.isfinite(found.values).all()
