from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from gdbench.metrics.prefixes import fill_dropped
from gdbench.models.diffusion_itm.looks import LOOKS, looks_for, nominal_level
from gdbench.models.diffusion_itm.racing import TopK
from gdbench.models.diffusion_itm.sequential import SequentialRace, surely_worse
from gdbench.protocol import Query

N = 250


def race(errors, delta, ranks=(1,)):
    """Errors with NaN where nothing was evaluated."""
    total = errors.shape[1]
    looks, last = looks_for(total), 0
    run = SequentialRace(len(errors), total, delta, ranks)
    alive, seen = np.ones(len(errors), bool), np.full_like(errors, np.nan)
    for look in looks:
        seen[alive, last:look] = errors[alive, last:look]
        last = look
        run.look(seen[:, :look], looks)
        alive = run.open
        if not alive.any():
            break
    return seen


def best(seen, k=1):
    """The k best candidates of a race, as a set."""
    means = np.nanmean(fill_dropped(seen), axis=1)
    return set(np.argsort(means, kind="stable")[:k].tolist())


def population(rng, candidates, gap):
    """Errors of a full budget: a trend that all share, noise in common, and noise of their own."""
    shared = np.linspace(5, 9, N) + rng.normal(size=N)
    errors = shared + 0.3 * rng.normal(size=(candidates, N))
    errors[1:] += gap * rng.exponential(size=(candidates - 1, 1))
    return errors[:, rng.permutation(N)]


def test_bound_is_that_of_the_textbook():
    rng = np.random.default_rng(0)
    pair = rng.normal(size=(2, 20)) + np.array([[0.9], [0.0]])
    difference = pair[0] - pair[1]
    error = difference.std(ddof=1) / np.sqrt(20) * np.sqrt(1 - 20 / N)
    p = stats.t.sf(difference.mean() / error, 19)
    assert surely_worse(pair, N, p * 1.001)[0, 1]
    assert not surely_worse(pair, N, p * 0.999)[0, 1]
    assert not surely_worse(pair, N, 0.4)[1, 0]


@pytest.mark.parametrize(("k", "constant"), [(2, 2.178), (5, 2.413), (10, 2.555)])
def test_levels_of_looks_are_those_of_pocock(k, constant):
    """Pocock 1977, table 1: equally spaced looks, 5 % two-sided, an endless population."""
    level = nominal_level(tuple(10 * (i + 1) for i in range(k)), 10**9, 0.025)
    assert stats.norm.isf(level) == pytest.approx(constant, abs=0.003)


@pytest.mark.parametrize("delta", [0.2, 0.01])
def test_all_looks_together_keep_the_level(delta):
    rng = np.random.default_rng(6)
    looks = looks_for(N)
    z = stats.norm.isf(nominal_level(looks, N, delta))
    runs = 4000
    values = rng.normal(size=(runs, N))
    values -= values.mean(axis=1, keepdims=True)
    crossed = np.zeros(runs, bool)
    for look in looks[:-1]:
        error = np.sqrt((1 / look - 1 / N) * N / (N - 1))
        crossed |= values[:, :look].mean(axis=1) / error > z
    assert 1e-3 < stats.binom.cdf(crossed.sum(), runs, delta) < 1 - 1e-3


def test_the_whole_population_leaves_nothing_open():
    pair = np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0 + 1e-9]])
    worse = surely_worse(pair, 3, 1e-12)
    assert worse.tolist() == [[False, False], [True, False]]
    assert not surely_worse(pair[:, :1], 3, 0.4).any()  # one observation says nothing


@pytest.mark.parametrize(("candidates", "gap"), [(2, 0.1), (10, 0.5), (37, 1.5)])
def test_decisions_differ_from_the_full_run_less_often_than_promised(candidates, gap):
    rng = np.random.default_rng(candidates)
    wrong, shares = 0, []
    runs, delta = 100, 0.1
    for _ in range(runs):
        errors = population(rng, candidates, gap)
        seen = race(errors, delta)
        wrong += best(seen) != best(errors)
        shares.append(np.isfinite(seen).mean())
    assert stats.binom.sf(wrong - 1, runs, delta) > 1e-3  # no evidence against the promise
    assert np.mean(shares) < 0.8  # and it did save something


def test_a_smaller_level_never_stops_earlier():
    rng = np.random.default_rng(3)
    for _ in range(20):
        errors = population(rng, 5, 0.3)
        passes = [np.isfinite(race(errors, delta)).sum() for delta in (0.2, 0.05, 0.001)]
        assert passes == sorted(passes)


@pytest.mark.parametrize(
    ("ranks", "still_open"), [((5,), 0), ((1, 5), 5), ((1,), 5), ((10,), 0), ((10, 37), 0)]
)
def test_the_five_best_are_a_question_of_their_own(ranks, still_open):
    errors = population(np.random.default_rng(4), 10, 0.0)
    errors[:5] -= 3.0  # five that are clearly best, hard to tell apart
    run = SequentialRace(10, N, 0.05, ranks)
    run.look(errors[:, :8], looks_for(N))
    assert run.open.tolist() == [True] * still_open + [False] * (10 - still_open)


def test_candidates_that_are_surely_in_or_out_leave_the_race():
    """Six candidates a < b < c ~ d < e < f: of the three best, a and b are in, e and f are out."""
    worse = np.subtract.outer(np.arange(6), np.arange(6)) > 0
    worse[3, 2] = False
    question = TopK(6, 3)
    question.settle(worse)
    assert question.open.tolist() == [False, False, True, True, False, False]
    assert question.places == 1
    worse[2, 3] = True  # more samples: c is surely worse than d
    question.settle(worse)
    assert not question.open.any()


@settings(max_examples=200)
@given(st.integers(2, 12), st.integers(1, 11), st.integers(0, 2**32 - 1))
def test_true_comparisons_never_settle_a_candidate_wrongly(n, k, seed):
    """However few of the true comparisons are known at each look, in whatever order."""
    rng = np.random.default_rng(seed)
    true = rng.permutation(n)  # true rank of each candidate
    question, sure = TopK(n, min(k, n)), np.zeros((n, n), bool)
    inside = 0
    while question.open.any() and not sure.all():
        before = question.open.copy()
        places = question.places
        sure |= rng.random((n, n)) < 0.3
        question.settle(sure & (true[:, None] > true[None, :]))
        left = np.flatnonzero(before & ~question.open)
        if question.open.any():  # the last ones leave together
            taken = places - question.places
            assert (true[left] < k).sum() == taken
            inside += taken
    assert inside <= k


@pytest.mark.parametrize("gap", [0.1, 0.5])
def test_sets_of_five_differ_from_the_full_run_less_often_than_promised(gap):
    rng = np.random.default_rng(11)
    wrong, shares = np.zeros(2), []
    runs, delta = 150, 0.1
    for _ in range(runs):
        errors = population(rng, 10, gap)
        seen = race(errors, delta, (1, 5))
        wrong += [best(seen, k) != best(errors, k) for k in (1, 5)]
        shares.append(np.isfinite(seen).mean())
    assert stats.binom.sf(wrong.max() - 1, runs, delta) > 1e-3
    assert np.mean(shares) < 0.95


def test_what_is_settled_is_what_the_scores_say():
    """Scores are made from the log alone, and agree with the race about the best and the five."""
    rng = np.random.default_rng(12)
    looks = looks_for(N)
    for _ in range(60):
        errors = population(rng, 10, 0.3)
        run = SequentialRace(10, N, 0.2, (1, 5))
        alive, last, seen, settled = np.ones(10, bool), 0, np.full_like(errors, np.nan), {}
        for look in looks:
            seen[alive, last:look] = errors[alive, last:look]
            places = run.questions[1].places
            before = run.questions[1].open.copy()
            run.look(seen[:, :look], looks)
            left = before & ~run.questions[1].open
            order = np.argsort(np.where(before, seen[:, :look].mean(axis=1), np.inf))
            settled |= {c: c in order[:places] for c in np.flatnonzero(left).tolist()}
            alive, last = run.open, look
            if not alive.any():
                break
        assert best(seen, 5) == {c for c, inside in settled.items() if inside}


def test_matching_needs_all_four_comparisons():
    rng = np.random.default_rng(5)
    errors = rng.normal(size=(2, 2, 32)) * 0.1
    errors[0, 1] += 1
    errors[1, 0] += 1
    assert SequentialRace.matching_is_decided(errors, N, 0.05, looks_for(N))
    errors[1, 0] -= errors[1, 0].mean() - errors[1, 1].mean()
    assert not SequentialRace.matching_is_decided(errors, N, 0.05, looks_for(N))


@settings(max_examples=30)
@given(st.integers(2, 12), st.integers(1, 400), st.integers(0, 2**32 - 1))
def test_looks_end_with_the_budget_and_some_candidate_is_always_left(n, budget, seed):
    looks = looks_for(budget)
    assert looks[-1] == budget
    assert set(looks[:-1]) <= set(LOOKS)
    assert list(looks) == sorted(set(looks))
    prefix = np.random.default_rng(seed).normal(size=(n, looks[0]))
    run = SequentialRace(n, budget, 0.3)
    run.look(prefix, looks)
    assert run.open.sum() != 1
    worse = surely_worse(prefix, budget, 0.3 / len(looks))
    assert not (worse & worse.T).any()


def test_the_engine_stops_where_the_rule_says(load, hard_items):
    full = list(load(samples=20, batch_size=32).score_items(hard_items))
    model = load(samples=20, batch_size=32, stop="sequential", delta=0.3)
    raced = list(model.score_items(hard_items))
    assert model.settings.stop == "sequential"
    assert model.settings.delta == 0.3
    for item, whole, part in zip(hard_items, full, raced, strict=True):
        seen = ~np.isnan(part.errors)
        np.testing.assert_array_equal(part.errors[seen], whole.errors[seen])
        lengths = seen.sum(axis=-1)
        assert set(lengths.ravel()) <= set(looks_for(20))
        assert (seen == (np.arange(20) < lengths[..., None])).all()
        assert np.isfinite(part.matrix).all()
        if item.query is Query.TEXT_RETRIEVAL:
            assert part.unconditional_errors is None
        else:
            base = ~np.isnan(part.unconditional_errors)
            np.testing.assert_array_equal(base.sum(axis=-1), lengths.max(axis=1))
        if item.query is Query.ASSOCIATION:
            assert seen.all()
            np.testing.assert_array_equal(part.matrix, whole.matrix)
        elif item.query is Query.MATCHING:
            assert len(set(lengths.ravel())) == 1
        else:
            base = whole.unconditional_errors
            compared = whole.errors - (0 if base is None else base[:, None])
            seen = race(compared.reshape(5, 20).astype(np.float64), 0.3)
            assert best(seen) == {part.matrix.argmax()}
            np.testing.assert_array_equal(lengths.ravel(), np.isfinite(seen).sum(axis=1))
    assert model.unet_evaluations < 20 * (5 + 5 + 4 + 5 + 5)


def test_ranks_are_those_of_the_item_unless_others_are_asked_for(load, hard_items):
    both = [replace(item, ranks=(1, 3)) for item in hard_items[:2]]
    asked = load(samples=20, batch_size=32, stop="sequential", delta=0.3)
    first = list(asked.score_items(both))
    forced = load(samples=20, batch_size=32, stop="sequential", delta=0.3, stop_ranks=(1, 3))
    for a, b in zip(first, forced.score_items(hard_items[:2]), strict=True):
        np.testing.assert_array_equal(a.errors, b.errors)
    assert asked.settings.stop_ranks is None
    assert forced.settings.stop_ranks == (1, 3)
    full = load(samples=20)
    assert asked.card.revision == f"{full.card.revision}+stop0.3"
    assert forced.card.revision == f"{full.card.revision}+stop0.3r1.3"


def test_the_rule_is_deterministic_whatever_the_batches(load, hard_items):
    one = list(load(samples=14, batch_size=32, stop="sequential").score_items(hard_items))
    other = list(load(samples=14, batch_size=32, stop="sequential").score_items(hard_items[1:]))
    for a, b in zip(one[1:], other, strict=True):
        np.testing.assert_array_equal(a.errors, b.errors)
        np.testing.assert_array_equal(a.matrix, b.matrix)
