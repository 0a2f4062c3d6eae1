import errno
import os

import numpy as np
import pyarrow.parquet as pq
import pytest

from gdbench.errors import GdbenchError, InputError
from gdbench.protocol import Scores
from gdbench.store import Clocks, ScoreLog, from_table, hash_scores, to_table


def scored(name, *, shape=(2, 3), steps=None, seed=0):
    rng = np.random.default_rng(seed)
    errors = base = None
    if steps:
        errors = rng.random((*shape, steps), dtype=np.float32)
        base = rng.random((shape[0], steps), dtype=np.float32)
    return Scores(name, rng.random(shape, dtype=np.float32), errors, base, truncated_texts=seed)


def same(a, b):
    return (
        a.item_id == b.item_id
        and np.array_equal(a.matrix, b.matrix)
        and a.truncated_texts == b.truncated_texts
        and (a.errors is None) == (b.errors is None)
        and (a.errors is None or np.array_equal(a.errors, b.errors, equal_nan=True))
        and (
            a.unconditional_errors is None
            or np.array_equal(a.unconditional_errors, b.unconditional_errors, equal_nan=True)
        )
    )


def test_log_gives_back_what_was_appended(tmp_path):
    items = [scored(f"item {k}", shape=(1 + k % 3, 2), steps=5 * (k % 2), seed=k) for k in range(7)]
    log = ScoreLog(tmp_path, flush_items=3)
    for one in items:
        log.append(one)
    log.flush()
    assert log.done() == {s.item_id for s in items}
    assert all(map(same, log.read(), items))
    order = [s.item_id for s in reversed(items)]
    log.compact(order)
    assert [s.item_id for s in log.read()] == order
    assert not log.parts.exists()
    assert hash_scores(log.read()) == hash_scores(items)


def test_errors_of_a_stopped_candidate_keep_their_length(tmp_path):
    one = scored("a", steps=6)
    one.errors[0, 1, 4:] = np.nan
    log = ScoreLog(tmp_path)
    log.append(one)
    log.flush()
    assert same(next(iter(log.read())), one)
    assert next(iter(log.read(errors=False))).errors is None


def test_a_part_that_was_not_finished_is_not_read(tmp_path):
    log = ScoreLog(tmp_path, flush_items=1)
    log.append(scored("a"))
    (log.parts / ".000001.parquet.99.tmp").write_bytes(b"PAR1 cut")
    assert log.done() == {"a"}


def test_wall_seconds_add_up_over_parts_and_compaction(tmp_path):
    log = ScoreLog(tmp_path, flush_items=1)
    log.append(scored("a"))
    log.append(scored("b"))
    total = log.wall_seconds()
    log.compact(["a", "b"])
    assert log.wall_seconds() == pytest.approx(total, abs=1e-3)
    assert log.device_seconds() is None  # nobody measured


def test_device_seconds_add_up_over_starts(tmp_path):
    clock = iter([10.0, 11.5, 100.0, 100.25])
    passes = iter([0, 6, 0, 4])
    for name in ("a", "b"):  # two starts: the second clock begins anew
        log = ScoreLog(tmp_path, flush_items=1, clocks=lambda: Clocks(next(clock), next(passes)))
        log.append(scored(name))
    assert log.device_seconds() == pytest.approx(1.75)
    assert log.evaluations() == 10
    log.compact(["a", "b"])
    assert log.device_seconds() == pytest.approx(1.75)
    assert log.evaluations() == 10


def test_hash_sees_every_number_and_ignores_order():
    a, b = scored("a", steps=4), scored("b", steps=4, seed=1)
    assert hash_scores([a, b]) == hash_scores([b, a])
    changed = scored("a", steps=4)
    changed.errors[1, 2, 3] = np.nextafter(changed.errors[1, 2, 3], np.float32(2))
    assert hash_scores([changed, b]) != hash_scores([a, b])


def test_full_disk_is_one_line_and_keeps_what_was_there(tmp_path, monkeypatch):
    log = ScoreLog(tmp_path, flush_items=1)
    log.append(scored("a"))

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(GdbenchError, match=r"no space left .* start the same command again"):
        log.append(scored("b"))
    assert log.done() == {"a"}
    assert not list(tmp_path.rglob("*.tmp"))


def test_scores_that_float32_would_make_equal_stay_apart(tmp_path):
    small = Scores("small", np.array([[1e-60, 2e-60, 3e-60]]))
    plain = scored("plain")
    log = ScoreLog(tmp_path, flush_items=1)
    log.append(plain)
    log.append(small)
    log.compact(["small", "plain"])
    first, second = log.read()
    assert np.array_equal(first.matrix, small.matrix)
    assert first.matrix.dtype == np.float64
    assert same(second, plain)
    assert second.matrix.dtype == np.float32
    assert pq.read_schema(log.file).field("score").type == "double"
    # the hash is of the numbers, whatever the column's type
    assert hash_scores(log.read()) == hash_scores([plain, small])
    assert hash_scores([plain]) == hash_scores([second])
    other = Scores("small", np.array([[1e-60, 2e-60, 4e-60]]))
    assert hash_scores([plain, other]) != hash_scores([plain, small])


def test_rows_that_are_no_full_matrix_are_refused(tmp_path):
    table = to_table([scored("a")]).slice(1)
    with pytest.raises(InputError, match="full matrix"):
        list(from_table(table))


def test_log_is_plain_parquet(tmp_path):
    log = ScoreLog(tmp_path)
    log.append(scored("a", steps=3))
    log.compact(["a"])
    table = pq.read_table(tmp_path / "scores.parquet")
    assert table.column_names == [
        "item", "image", "text", "score", "errors", "unconditional_errors", "truncated_texts",
    ]  # fmt: skip
    assert table.num_rows == 6
