import numpy as np

from gdbench.metrics.measures import Recall, merge, sample
from gdbench.metrics.ranks import indistinguishable_groups, pairwise, rank_intervals

ACC = Recall("acc", ("s",))


def models(retrieval, rates, n=300, seed=0):
    rng = np.random.default_rng(seed)
    found = {}
    for name, rate in rates.items():
        right = rng.random(n) < rate
        found[name] = sample(ACC, *retrieval([(1, 0) if r else (0, 1) for r in right]))
    return found


def test_far_apart_models_have_sure_ranks(retrieval):
    ranks = rank_intervals(models(retrieval, {"low": 0.1, "high": 0.9, "mid": 0.5}))
    assert {n: (r.best, r.worst) for n, r in ranks.items()} == {
        "high": (1, 1),
        "mid": (2, 2),
        "low": (3, 3),
    }
    assert list(ranks) == ["high", "mid", "low"]


def test_equal_models_share_all_ranks(retrieval):
    same = models(retrieval, {"a": 0.5})["a"]
    ranks = rank_intervals({"a": same, "b": same, "c": same})
    assert {(r.rank, r.best, r.worst) for r in ranks.values()} == {(1, 1, 3)}
    assert indistinguishable_groups({"a": same, "b": same, "c": same}) == (("a", "b", "c"),)


def test_groups_may_overlap(retrieval):
    # a - b and b - c differ by 5 items one way (p = 0.06), a - c by 10 (p = 0.002)
    rows = {"a": [1] * 10, "b": [0] * 5 + [1] * 5, "c": [0] * 10}
    found = {
        n: sample(ACC, *retrieval([(1, 0) if r else (0, 1) for r in row]))
        for n, row in rows.items()
    }
    assert indistinguishable_groups(found) == (("a", "b"), ("b", "c"))


def test_one_differing_model_is_a_group_of_its_own(retrieval):
    found = models(retrieval, {"a": 0.9, "b": 0.3, "c": 0.3})
    groups = indistinguishable_groups(found)
    assert groups[0] == ("a",)
    assert set(groups[1]) == {"b", "c"}


def test_all_rank_intervals_hold_the_truth_together(retrieval):
    rates = {f"m{i}": r for i, r in enumerate((0.8, 0.7, 0.7, 0.6, 0.5))}
    truth = {"m0": (1, 1), "m1": (2, 3), "m2": (2, 3), "m3": (4, 4), "m4": (5, 5)}
    covered = 0
    for seed in range(60):
        found = models(retrieval, rates, n=150, seed=seed)
        ranks = rank_intervals(found, pairwise(found))
        covered += all(r.best <= truth[n][0] and truth[n][1] <= r.worst for n, r in ranks.items())
    assert covered / 60 >= 0.9


def test_equal_scores_share_a_rank_however_their_sums_are_rounded(retrieval):
    """(.1 + .2 + .3) / 3 and (.3 + .2 + .1) / 3 differ in the last bit."""

    def right(n):
        return [(1, 0)] * n + [(0, 1)] * (10 - n)

    found = {
        name: merge({f"m{k}": sample(ACC, *retrieval(right(n))) for k, n in enumerate(of_ten)})
        for name, of_ten in {"b": (1, 2, 3), "a": (3, 2, 1), "c": (2, 3, 1)}.items()
    }
    assert len({s.mean(s.expected) for s in found.values()}) > 1
    ranks = rank_intervals(found)
    assert [(name, r.rank) for name, r in ranks.items()] == [("a", 1), ("b", 1), ("c", 1)]
    assert list(pairwise(found)) == [("a", "b"), ("a", "c"), ("b", "c")]
    assert indistinguishable_groups(found) == (("a", "b", "c"),)
