import json
import sys
from dataclasses import replace
from types import ModuleType

import pytest

from gdbench.engines.shards import Bounds, ShardOf, cut, share
from gdbench.errors import InputError, ModelOutputError, RunMismatchError
from gdbench.evaluation import evaluate
from gdbench.merging import merge
from gdbench.protocol import ModelCard
from gdbench.records import ResultRecord
from gdbench.store import ScoreLog
from gdbench.store.files import SEAL, seal_fault
from gdbench.submissions.finished import open_run
from gdbench.submissions.verify import verify
from gdbench.tasks import TASKS


def without_cost(record: ResultRecord) -> dict:
    data = record.model_dump(mode="json")
    del data["created"], data["cost"]
    return data


@pytest.fixture
def task(colour_task, monkeypatch):
    """The colours as a registered task: a merge finds it by its name."""
    module = ModuleType("colour_tasks")
    module.TASK = colour_task
    monkeypatch.setitem(sys.modules, "colour_tasks", module)
    monkeypatch.setitem(TASKS._targets, "colours", "colour_tasks:TASK")
    return colour_task


def shards(model, task, folder, count=3, **conditions):
    for index in range(1, count + 1):
        evaluate(
            model, [task], folder / str(index), suite="mini", shard=f"{index}/{count}", **conditions
        )
    return [folder / str(index) for index in range(1, count + 1)]


@pytest.mark.parametrize(("n", "parts"), [(1, 1), (7, 3), (100, 9), (5, 50)])
def test_every_item_is_in_one_shard_and_the_longest_comes_first(n, parts):
    costs = [1 + (k * 7) % 5 for k in range(n)]
    pieces = cut([f"c{k // 3}" for k in range(n)], costs, parts)
    assert sorted(p for piece in pieces for p in piece.positions) == list(range(n))
    assert [piece.cost for piece in pieces] == sorted((p.cost for p in pieces), reverse=True)
    assert all(piece.cost == sum(costs[p] for p in piece.positions) for piece in pieces)


def test_items_of_one_cluster_stay_together_where_they_fit():
    clusters = [f"c{k % 10}" for k in range(40)]
    for piece in cut(clusters, [1] * 40, 5):
        inside = {clusters[p] for p in piece.positions}
        assert len(piece.positions) == 4 * len(inside)


def test_shards_keep_within_their_bounds():
    costs = [1 + k % 3 for k in range(300)]
    clusters = [str(k) for k in range(300)]
    assert max(s.cost for s in cut(clusters, costs, 2, Bounds(1, 10))) <= 12
    assert all(s.cost >= 50 for s in cut(clusters, costs, 100, Bounds(50, 100))[:-1])
    assert [s.cost for s in cut(["a", "b"], [7, 99], 2, Bounds(1, 10))] == [99, 7]


def test_shares_are_disjoint_complete_even_and_in_order(task):
    items = list(task.items("mini"))
    dealt = [share(items, ShardOf(i, 3)) for i in (1, 2, 3)]
    assert sorted(item.id for part in dealt for item in part) == sorted(item.id for item in items)
    position = {item.id: k for k, item in enumerate(items)}
    for part in dealt:
        assert [position[item.id] for item in part] == sorted(position[item.id] for item in part)
    loads = [sum(len(i.images) * len(i.texts) for i in part) for part in dealt]
    assert max(loads) - min(loads) <= 4


@pytest.mark.parametrize("text", ["0/3", "4/3", "1", "a/b", "1/0", "-1/2", "1/3/5"])
def test_wrong_shards_are_refused(text):
    with pytest.raises(InputError, match="expected i/n"):
        ShardOf.parse(text)


@pytest.mark.parametrize("count", [3, 40])
def test_merged_shards_are_the_local_run(tmp_path, task, colour_model, count):
    (whole,) = evaluate(colour_model, [task], tmp_path / "whole", suite="mini")
    runs = shards(colour_model, task, tmp_path / "shards", count)
    (merged,) = merge(runs[::-1], tmp_path / "merged")
    assert without_cost(merged) == without_cost(whole)
    record = tmp_path / "merged/colours/record.json"
    assert seal_fault(record, record.read_bytes()) is None
    assert record.with_suffix(SEAL).is_file()
    first, second = (ScoreLog(tmp_path / name / "colours") for name in ("whole", "merged"))
    assert [s.item_id for s in first.read()] == [s.item_id for s in second.read()]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["merged", "shards", "whole"]
    filled = sum((run / "colours/scores.parquet").is_file() for run in runs)
    assert len(merged.cost.devices) == filled
    spent = [ScoreLog(run / "colours").wall_seconds() for run in runs]
    assert merged.cost.wall_seconds == pytest.approx(sum(spent), abs=1e-5 * count)
    assert verify(tmp_path / "merged").ok


def test_missing_doubled_and_foreign_shards_are_refused(tmp_path, task, colour_model):
    runs = shards(colour_model, task, tmp_path / "a")
    out = tmp_path / "out"
    with pytest.raises(InputError, match=r"shard 2/3 is missing"):
        merge([runs[0], runs[2]], out)
    with pytest.raises(InputError, match="are both shard 2/3"):
        merge([*runs, runs[1]], out)
    with pytest.raises(RunMismatchError, match="differ in number of shards"):
        merge([runs[0], *shards(colour_model, task, tmp_path / "b", 2)[1:]], out)
    with pytest.raises(RunMismatchError, match="differ in conditions"):
        merge([*runs[:2], shards(colour_model, task, tmp_path / "c", limit=3)[2]], out)
    colour_model.card = ModelCard(name="colours", revision="2")
    with pytest.raises(RunMismatchError, match="differ in model"):
        merge([*runs[:2], shards(colour_model, task, tmp_path / "d")[2]], out)
    evaluate(colour_model, [task], tmp_path / "whole", suite="mini")
    with pytest.raises(InputError, match="is a whole run"):
        merge([*runs[:2], tmp_path / "whole"], out)
    with pytest.raises(InputError, match="is there already"):
        merge(runs, tmp_path / "whole")
    assert not out.exists()


def test_unfinished_changed_and_swapped_shards_are_refused(tmp_path, task, colour_model):
    import drawn_colours

    runs = shards(colour_model, task, tmp_path / "a")
    part = runs[1] / "colours/part.json"
    text = part.read_text()
    part.unlink()
    with pytest.raises(InputError, match=r"shard 2/3 of colours is not finished"):
        merge(runs, tmp_path / "out")
    part.write_text(text)
    scores = runs[1] / "colours/scores.parquet"
    own = scores.read_bytes()
    scores.write_bytes((runs[0] / "colours/scores.parquet").read_bytes())
    with pytest.raises(RunMismatchError, match="its share of the items"):
        merge(runs, tmp_path / "out")
    scores.write_bytes(own)
    items = list(drawn_colours.items())
    drawn_colours.items = lambda: iter([*items[:-1], replace(items[-1], texts=("b", "a"))])
    with pytest.raises(RunMismatchError, match="not those of the shards"):
        merge(runs, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["run.json", "colours/task.json", "colours/part.json"])
def test_a_damaged_shard_is_to_be_made_anew(tmp_path, task, colour_model, name):
    runs = shards(colour_model, task, tmp_path)
    (runs[1] / name).write_text("{")
    with pytest.raises(RunMismatchError, match="evaluate this shard anew"):
        merge(runs, tmp_path / "merged")
    assert not (tmp_path / "merged").exists()


def test_a_shard_of_no_number_names_its_file(tmp_path, task, colour_model):
    runs = shards(colour_model, task, tmp_path)
    path = runs[1] / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"shard": "x/y"}))
    with pytest.raises(RunMismatchError, match=r"2/run.json is damaged .*evaluate this shard anew"):
        merge(runs, tmp_path / "merged")


def test_a_shard_keeps_its_folder_and_readers_say_what_it_is(tmp_path, task, colour_model):
    run = shards(colour_model, task, tmp_path)[0]
    assert json.loads((run / "run.json").read_text())["shard"] == "1/3"
    with pytest.raises(RunMismatchError, match="is shard 1/3 and this is shard 2/3"):
        evaluate(colour_model, [task], run, suite="mini", shard="2/3")
    with pytest.raises(RunMismatchError, match="is shard 1/3 and this is a whole run"):
        evaluate(colour_model, [task], run, suite="mini")
    for read in (lambda: list(open_run(run)), lambda: verify(run)):
        with pytest.raises(InputError, match="of a run, not a finished one: join all"):
            read()


def test_a_shard_that_was_killed_goes_on(tmp_path, task, colour_model):
    class KilledError(BaseException):
        pass

    whole = shards(colour_model, task, tmp_path / "whole")
    score, calls = colour_model.score, 0

    def mortal(images, texts):
        nonlocal calls
        calls += 1
        if calls == 20:
            raise KilledError
        return score(images, texts)

    colour_model.score = mortal
    with pytest.raises(ModelOutputError, match="KilledError"):
        shards(colour_model, task, tmp_path / "cut")
    runs = shards(colour_model, task, tmp_path / "cut")
    # one call was lost with the process
    assert calls == 36 + 1
    (a,), (b,) = merge(whole, tmp_path / "a"), merge(runs, tmp_path / "b")
    assert without_cost(a) == without_cost(b)
