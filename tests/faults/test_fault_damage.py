"""Damaged files are found out: the same result or one clear line, never another result."""

import random
import shutil
from contextlib import suppress

import pytest

from gdbench.errors import GdbenchError
from gdbench.store import Block, DamagedError, ScoreLog, ScoresHash, to_table
from gdbench.store.fragments import open_fragment, write_fragment
from gdbench.submissions.finished import open_record, read_finished
from tests.faults.conftest import Noisy, timeless


@pytest.fixture
def part(tmp_path):
    """A part of a log, and the hash of its scores."""
    from tests.conftest import colour_items

    path = tmp_path / "parts/000000.parquet"
    block = Block.of(to_table(list(Noisy().score_items(colour_items(4)))))
    notes = {b"wall_seconds": b"1.5", b"evaluations": b"80"}
    write_fragment(path, [block], notes)
    return path


def seen(path):
    """All that a log says of itself."""
    log, digest = ScoreLog(path.parent.parent), ScoresHash()
    for block in log.blocks():
        digest.add(block)
    return digest.hexdigest(), log.wall_seconds(), log.evaluations(), log.lengths()


def flipped(data, rng):
    out = bytearray(data)
    out[rng.randrange(len(out))] ^= 1 << rng.randrange(8)
    return bytes(out)


def test_a_part_cut_at_every_64th_byte_is_set_aside(part):
    data = part.read_bytes()
    for size in range(0, len(data), 64):
        part.write_bytes(data[:size])
        log = ScoreLog(part.parent.parent)
        log.recover()
        assert log.lengths() == {}
        (kept,) = part.parent.iterdir()
        assert kept.name == "000000.parquet.damaged"
        assert kept.read_bytes() == data[:size]
        kept.unlink()


def test_200_bits_of_a_part(part):
    data, whole, rng, refused = part.read_bytes(), seen(part), random.Random(0), 0
    for _ in range(200):
        part.write_bytes(flipped(data, rng))
        try:
            open_fragment(part)
        except DamagedError as error:
            refused += "\n" not in str(error)
        else:
            assert seen(part) == whole
    assert refused > 150


def test_200_bits_of_a_finished_score_file(run, tmp_path):
    run(tmp_path / "run")
    folder = tmp_path / "run/colours"
    record, rng, refused = open_record(folder / "record.json"), random.Random(1), 0
    path = folder / "scores.parquet"
    data = path.read_bytes()
    for _ in range(200):
        path.write_bytes(flipped(data, rng))
        finished = read_finished(folder, record, None)
        refused += bool(finished.faults)
        assert finished.faults or finished.digest == record.scores_sha256
        assert all("\n" not in fault.text for fault in finished.faults)
    assert refused > 150


def test_200_bits_of_a_record(run, tmp_path):
    run(tmp_path / "run")
    path, rng = tmp_path / "run/colours/record.json", random.Random(2)
    data = path.read_bytes()
    for _ in range(200):
        path.write_bytes(flipped(data, rng))
        with pytest.raises(GdbenchError) as caught:
            open_record(path)
        assert "\n" not in str(caught.value)


def healed(run, tmp_path, trials):
    whole, rng = timeless(run(tmp_path / "whole")), random.Random(3)
    for name in ["record.json", "scores.parquet", "record.sha256", "task.json"] * trials:
        out = shutil.copytree(tmp_path / "whole", tmp_path / "run", dirs_exist_ok=True)
        path = out / "colours" / name
        path.write_bytes(flipped(path.read_bytes(), rng))
        if name == "task.json":
            # what is asked is not made up again; only the words around it may have changed
            with suppress(GdbenchError):
                assert timeless(run(out)) == whole
        else:
            assert timeless(run(out)) == whole
        shutil.rmtree(out)


def test_a_damaged_run_is_made_whole_by_the_same_command(run, tmp_path):
    healed(run, tmp_path, 3)


@pytest.mark.soak
def test_many_damaged_runs_are_made_whole(run, tmp_path):
    healed(run, tmp_path, 100)


def test_an_item_that_stands_there_twice(tmp_path):
    from tests.conftest import colour_items

    scores = list(Noisy().score_items(colour_items(2)))
    order = [s.item_id for s in scores]
    log = ScoreLog(tmp_path / "equal", flush_items=1)
    for item in [*scores, scores[0]]:
        log.append(item)
    log.compact(order)
    assert [s.item_id for s in log.read()] == order
    other = list(Noisy().score_items(colour_items(2)))
    other[0].errors[0, 0, 3] += 1
    log = ScoreLog(tmp_path / "other", flush_items=1)
    for item in [*scores, other[0]]:
        log.append(item)
    with pytest.raises(
        GdbenchError, match=r"item t0 was scored twice and differently, in .*000000"
    ):
        log.compact(order)
