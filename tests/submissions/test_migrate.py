"""Old records load for ever: the files in tests/golden/records are never changed."""

import json
from pathlib import Path

import pytest

from gdbench.records import SCHEMA_VERSION
from gdbench.signature import parse_signature
from gdbench.submissions.migrate import STEPS, migrate, read_migrated
from gdbench.submissions.problems import Rejected

GOLDEN = Path(__file__).parent.parent / "golden/records"
FILES = sorted(GOLDEN.glob("v*.json"))


def load(path):
    return json.loads(path.read_text())


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_golden_records_load(path):
    record = read_migrated(load(path))
    assert record.schema_version == SCHEMA_VERSION
    assert record.metric("group").n == 100
    assert record.score == pytest.approx(0.18333333333333335)
    assert parse_signature(record.signature)["version"] == str(SCHEMA_VERSION)


def test_every_version_has_a_golden_record_and_a_step():
    versions = {int(p.stem[1 : p.stem.index("_")]) for p in FILES}
    assert versions == set(range(SCHEMA_VERSION + 1))
    assert set(STEPS) == set(range(SCHEMA_VERSION))


def test_both_versions_say_the_same():
    old, new = (read_migrated(load(GOLDEN / f"v{v}_random_winoground.json")) for v in (0, 1))
    assert old == new


def test_migration_leaves_its_input_alone():
    raw = load(GOLDEN / "v0_random_winoground.json")
    before = json.dumps(raw)
    migrate(raw)
    assert json.dumps(raw) == before


@pytest.mark.parametrize("version", [-1, 99, "1", 1.0, None, True, [1]])
def test_unknown_versions_are_refused(version):
    with pytest.raises(Rejected, match="schema_version"):
        migrate({"schema_version": version})


def test_the_future_asks_for_an_update():
    with pytest.raises(Rejected, match="use a newer gdbench"):
        migrate({"schema_version": SCHEMA_VERSION + 1})


@pytest.mark.parametrize(
    "raw", [{}, {"task": []}, {"task": {"manifest": 1}, "settings": {}, "metrics": 3}]
)
def test_a_broken_old_record_is_no_crash(raw):
    with pytest.raises(Rejected, match="no record of version 0"):
        migrate(raw)
