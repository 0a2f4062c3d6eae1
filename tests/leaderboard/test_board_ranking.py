"""Ranks, groups, pools and who is not ranked."""

import numpy as np
import pytest
import synthetic_board
from hypothesis import given
from hypothesis import strategies as st

from gdbench.errors import InputError
from gdbench.leaderboard.gather.catalogue import tasks_of
from gdbench.leaderboard.gather.entries import Entry, load
from gdbench.leaderboard.judge.assemble import model_slugs
from gdbench.leaderboard.judge.front import front
from gdbench.leaderboard.judge.ranking import places_by_intervals, places_by_tests
from gdbench.leaderboard.judge.whole import build_board
from gdbench.leaderboard.judged.reading import Reading
from gdbench.leaderboard.judged.trust import Trust
from gdbench.leaderboard.show.pages.measured import summary
from gdbench.metrics.estimate import Estimate
from gdbench.metrics.measures import Sample
from gdbench.metrics.proportions import interval_difference
from gdbench.tasks import ABILITY, GDBENCH


def board_of(*records, badge="audited"):
    entries = [
        Entry(r, synthetic_board.Path(f"/nowhere/{i}/record.json"), str(i))
        for i, r in enumerate(records)
    ]
    readings = {e.file: Reading(Trust(badge)) for e in entries}
    return build_board(entries, tasks_of(entries), readings)


def test_rank_intervals_from_intervals():
    places = places_by_intervals(
        {
            "a": Estimate(0.9, 0.85, 0.95),
            "b": Estimate(0.8, 0.7, 0.87),
            "c": Estimate(0.5, 0.4, 0.6),
        }
    )
    assert {n: (p.best, p.worst, p.group) for n, p in places.items()} == {
        "a": (1, 2, 1), "b": (1, 2, 1), "c": (3, 3, 2),
    }  # fmt: skip
    assert places["a"].text == "1\N{EN DASH}2"


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 0.3)), min_size=1, max_size=12))
def test_every_rank_interval_holds_the_rank_by_value(pairs):
    scores = {f"m{i}": Estimate(v, v - h, v + h) for i, (v, h) in enumerate(pairs)}
    for name, place in places_by_intervals(scores).items():
        better = sum(e.value > scores[name].value for e in scores.values())
        assert place.best <= better + 1 <= place.worst


def sample(values) -> Sample:
    n = len(values)
    x = np.asarray(values, dtype=np.float64)
    return Sample(
        ids=tuple(f"i{k}" for k in range(n)), expected=x, strict=x, lenient=x,
        tied=np.zeros(n, dtype=bool), chance=np.full(n, 0.5), cluster=np.arange(n),
        part=np.zeros(n, dtype=np.int64), release=x,
        cluster_names=tuple(f"i{k}" for k in range(n)),
    )  # fmt: skip


def test_paired_tests_tell_apart_what_overlapping_intervals_do_not():
    rng = np.random.default_rng(0)
    good = (rng.random(400) < 0.6).astype(float)
    worse = good.copy()
    worse[np.flatnonzero(good)[:20]] = 0  # never better, worse on twenty items
    places = places_by_tests({"good": sample(good), "worse": sample(worse)})
    assert (places["good"].text, places["worse"].text) == ("1", "2")
    bounds = {n: Estimate(v.mean(), v.mean() - 0.05, v.mean() + 0.05) for n, v in
              (("good", good), ("worse", worse))}  # fmt: skip
    assert places_by_intervals(bounds)["good"].text == "1\N{EN DASH}2"


def test_suites_are_never_in_one_ranking():
    model = synthetic_board.card(1)
    records = [
        synthetic_board.record(1, t, suite, model) for t in GDBENCH for suite in ("full", "mini")
    ]
    board = board_of(*records)
    assert [p.pool.suite for p in board.pools] == ["full", "mini"]
    assert all(len(p.rows) == 1 and p.rows[0].place.text == "1" for p in board.pools)


def test_the_score_is_the_mean_of_the_seven_tasks_without_bias():
    records = [synthetic_board.record(1, t) for t in GDBENCH]
    row = board_of(*records).pools[0].rows[0]
    expected = np.mean([r.score for r in records if r.task.name in ABILITY])
    assert row.score.value == pytest.approx(expected, abs=1e-12)


def test_a_model_with_a_task_missing_has_neither_score_nor_rank():
    row = board_of(*(synthetic_board.record(1, t) for t in GDBENCH[1:])).pools[0].rows[0]
    assert row.score is None
    assert row.place is None
    assert row.reason == "6 of 7 tasks"


def test_a_task_with_too_few_items_is_not_ranked():
    records = [synthetic_board.record(1, t) for t in GDBENCH]
    short = records[0].task.model_copy(update={"n_items": int(records[0].task.n_expected * 0.9)})
    records[0] = records[0].model_copy(update={"task": short})
    row = board_of(*records).pools[0].rows[0]
    assert row.place is None
    assert row.reason == "items missing in flickr30k"


def test_controls_and_failed_results_are_shown_without_rank():
    model = synthetic_board.card(1).model_copy(update={"family": "control"})
    row = board_of(*(synthetic_board.record(1, t, model=model) for t in GDBENCH)).pools[0].rows[0]
    assert (row.place, row.reason) == (None, "control")
    failed = board_of(*(synthetic_board.record(1, t) for t in GDBENCH), badge="failed")
    assert failed.pools[0].rows[0].place is None


@pytest.mark.parametrize("level", ["reported", "unavailable", "partial", "consistent", "local"])
def test_what_nobody_else_has_run_is_shown_without_rank(level):
    (row,) = board_of(*(synthetic_board.record(1, t) for t in GDBENCH), badge=level).pools[0].rows
    assert row.place is None
    assert row.reason.startswith(level)
    assert (
        summary(board_of(*(synthetic_board.record(1, t) for t in GDBENCH), badge=level).pools[0])
        == ""
    )


def test_a_limit_that_leaves_nothing_out_makes_no_pool():
    """The number is free, the items are not."""
    records = [synthetic_board.record(1, t) for t in GDBENCH]
    free = [synthetic_board.record(2, t) for t in GDBENCH]
    free = [r.model_copy(update={"task": r.task.model_copy(update={"limit": 10**6})}) for r in free]
    board = board_of(*records, *free)
    (pool,) = board.pools
    assert pool.pool.limit is None
    assert len(pool.rows) == 2


def test_parts_chosen_by_other_seeds_are_other_questions():
    records = []
    for seed in (0, 1):
        for name in GDBENCH:
            r = synthetic_board.record(seed + 1, name)
            cut = {"limit": 5, "item_seed": seed, "n_items": 5}
            records.append(r.model_copy(update={"task": r.task.model_copy(update=cut)}))
    pools = board_of(*records).pools
    assert [(p.pool.limit, p.pool.item_seed) for p in pools] == [(5, 0), (5, 1)]


def test_names_that_differ_in_case_get_different_files():
    slugs = model_slugs({("CLIP", "1", False), ("clip", "1", False), ("clip", "1", True)})
    assert len({s.lower() for s in slugs.values()}) == 3


def test_unpaired_difference_of_equal_models_is_not_sure():
    same = interval_difference("t", Estimate(0.5, 0.4, 0.6), Estimate(0.5, 0.4, 0.6))
    assert same.p_value == pytest.approx(1)
    # one standard error of 0.1/1.96 each: a difference of 1.96 * sqrt(2) of them has p = 0.05
    apart = 0.1 * 2**0.5
    exact = interval_difference(
        "t", Estimate(0.6, 0.5, 0.7), Estimate(0.6 - apart, 0.5 - apart, 0.7 - apart)
    )
    assert exact.p_value == pytest.approx(0.05, abs=1e-6)


points = st.lists(st.tuples(st.floats(0.001, 1e4), st.floats(0, 1)), min_size=1, max_size=30)


@given(points)
def test_the_front_is_what_no_other_beats(pairs):
    found = {f"m{i}": pair for i, pair in enumerate(pairs)}
    listed = [(name, cost, score) for name, (cost, score) in found.items()]
    kept = {found[name] for name in front(listed, lambda a, b: found[a][1] > found[b][1])}
    for cost, score in pairs:
        beaten = any((c <= cost and s > score) or (c < cost and s >= score) for c, s in pairs)
        assert ((cost, score) in kept) is not beaten


def test_the_front_rises_only_where_models_can_be_told_apart():
    found = [(str(i), float(i + 1), i / 10) for i in range(4)]
    apart = {("2", "0"), ("3", "0"), ("3", "1")}
    assert front(found, lambda a, b: (a, b) in apart) == ("0", "2")


def test_a_variant_never_stands_against_its_own_model():
    """The same weights under another budget: one rank, the variant below its model."""
    records = [synthetic_board.record(i, t) for i in (1, 2) for t in GDBENCH]
    again = [
        r.model_copy(update={"model": r.model.model_copy(
            update={"revision": f"{r.model.revision}+stop0.05"})})
        for r in records[: len(GDBENCH)]
    ]  # fmt: skip
    tuned = [
        r.model_copy(update={"model": r.model.model_copy(
            update={"name": "tuned", "revision": f"{r.model.revision}+lora-896670dd"})})
        for r in records[: len(GDBENCH)]
    ]  # fmt: skip
    (pool,) = board_of(*records, *again, *tuned).pools
    ranked = [r for r in pool.rows if r.place is not None]
    assert len(ranked) == 2
    assert max(r.place.worst for r in ranked) == 2
    labels = [r.label for r in pool.rows]
    at = labels.index("model-001")
    assert set(labels[at + 1 : at + 3]) == {"model-001, stop0.05", "tuned"}
    assert all(r.variant_of == pool.rows[at].name for r in pool.rows[at + 1 : at + 3])


def test_names_have_a_hash_only_where_two_are_alike():
    def named(index: int, name: str):
        for task in GDBENCH:
            one = synthetic_board.record(index, task)
            model = one.model.model_copy(update={"name": name})
            yield one.model_copy(update={"model": model})

    (pool,) = board_of(*named(1, "a"), *named(2, "b"), *named(3, "b")).pools
    labels = {r.label for r in pool.rows}
    assert "a" in labels
    revisions = {synthetic_board.card(i).revision for i in (2, 3)}
    assert labels - {"a"} == {f"b {revision}" for revision in revisions}


def test_the_same_record_twice_is_refused(tmp_path):
    one = synthetic_board.record(1, "aro")
    synthetic_board.write(tmp_path / "a", one)
    other = tmp_path / "a" / "elsewhere" / "1" / "aro"
    other.mkdir(parents=True)
    (other / "record.json").write_text(one.model_dump_json())
    with pytest.raises(InputError, match="the same model and task as"):
        load(tmp_path / "a")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is not JSON"),
        ("[]", "is not a JSON object"),
        ('{"schema_version": 1}', "not a record of version 1"),
        ('{"schema_version": 2}', "task"),
        ('{"a": NaN}', "NaN"),
    ],
)
def test_a_bad_record_is_one_clear_line(tmp_path, content, message):
    place = tmp_path / "m" / "1" / "aro"
    place.mkdir(parents=True)
    (place / "record.json").write_text(content)
    with pytest.raises(InputError, match=message) as caught:
        load(tmp_path)
    assert str(place) in str(caught.value)
    assert "\n" not in str(caught.value)
