"""Old records load for ever: the files in tests/golden/records are never changed."""

import json
from pathlib import Path

import pytest

from gdbench.records import SCHEMA_VERSION
from gdbench.signature import parse_signature, signature
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


def test_versions_of_one_result_say_the_same():
    old, new = (read_migrated(load(GOLDEN / f"v{v}_random_winoground.json")) for v in (0, 1))
    assert old == new
    latest = read_migrated(load(GOLDEN / "v2_random_winoground.json"))
    assert (latest.metrics, latest.score) == (new.metrics, new.score)
    assert latest.content is not None
    assert new.content is None
    assert latest.task == new.task


def test_seed_and_mode_of_version_1_find_their_places():
    raw = load(GOLDEN / "v1_random_winoground.json")
    raw["settings"] |= {
        "seed": 3, "compat": "diffusion-itm-2023", "samples": 10, "schedule": "grid", "norm": "l2",
        "stop": "sequential", "delta": 0.1, "extra": {"stop_ranks": "1,5", "mine": "x"},
    }  # fmt: skip
    raw["task"]["compat"] = "diffusion-itm-2023"
    raw["signature"] = (
        "gdb|task:winoground|suite:mini|n:100|model:random@1|score:l2|T:10 grid|norm:none|"
        "stop:sequential 0.1|dtype:fp32|seed:3|compat:diffusion-itm-2023|v1"
    )
    record = read_migrated(raw)
    assert (record.settings.seed, record.task.item_seed, record.resampling_seed) == (3, 3, 3)
    assert record.settings.stop_ranks == (1, 5)
    assert record.settings.extra == {"mine": "x"}
    assert record.signature == signature(record.task, record.model, record.settings)
    raw["signature"] = raw["signature"].replace("T:10", "T:250")
    assert read_migrated(raw).signature == raw["signature"]
    raw["task"]["compat"] = None
    with pytest.raises(Rejected, match="compat mode"):
        read_migrated(raw)


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
    with pytest.raises(Rejected, match="not a record of version 0"):
        migrate(raw)


def test_a_rule_without_its_number_is_told_in_plain_words():
    raw = load(GOLDEN / f"v{SCHEMA_VERSION}_random_winoground.json")
    raw["settings"]["stop"] = "sequential"
    with pytest.raises(Rejected) as refused:
        read_migrated(raw)
    assert str(refused.value).endswith("'settings': stop is sequential, which needs delta")
