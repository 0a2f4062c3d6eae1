"""Predictive stopping: the chance is right, and what is promised is kept."""

import numpy as np
import pytest
from scipy import stats

from gdbench.errors import InputError
from gdbench.metrics.prefixes import fill_dropped
from gdbench.models.diffusion_itm.looks import looks_for
from gdbench.models.diffusion_itm.predictive import LOOKS, PredictiveRace, chance_of_turning
from gdbench.protocol import Query

N = 250


def race(errors, delta, ranks=(1,)):
    """Errors (n_candidates, N) with NaN where nothing was evaluated."""
    total = errors.shape[1]
    run = PredictiveRace(len(errors), total, delta, ranks)
    seen, last = np.full_like(errors, np.nan), 0
    for look in looks_for(total, LOOKS):
        seen[run.open, last:look] = errors[run.open, last:look]
        last = look
        run.look(seen[:, :look], ())
        if not run.open.any():
            break
    return seen


def best(seen, k=1):
    """The k best candidates."""
    return set(np.argsort(np.nanmean(fill_dropped(seen), axis=1), kind="stable")[:k].tolist())


@pytest.mark.parametrize("n", [4, 16, 100])
def test_the_chance_is_the_share_that_turns_around(n):
    """Of comparisons with margins and spreads of every size: the prior of which the formula speaks.

    They are drawn from wider ranges than those that are looked at, so that no edge is near.
    """
    rng = np.random.default_rng(n)
    draws = 2_000_000
    sigma, margin = np.exp(rng.uniform(-3, 3, draws)), rng.uniform(-30, 30, draws)
    mean = rng.normal(margin, sigma / np.sqrt(n))
    sd = sigma * np.sqrt(rng.chisquare(n - 1, draws) / (n - 1))
    rest = rng.normal(margin, sigma / np.sqrt(N - n))
    whole = (n * mean + (N - n) * rest) / N
    inside = (np.abs(np.log(sd)) < 0.5) & (np.abs(mean) < 5)
    mean, sd, whole = mean[inside], sd[inside], whole[inside]
    chance = stats.t.sf(np.abs(mean) / (sd * np.sqrt(1 / n - 1 / N)), n - 1)
    for low, high in ((0.001, 0.02), (0.02, 0.1), (0.1, 0.5)):
        some = (chance > low) & (chance < high)
        turned = np.sign(mean[some]) != np.sign(whole[some])
        error = np.sqrt((chance[some] * (1 - chance[some])).sum())
        assert error > 1
        assert abs(turned.sum() - chance[some].sum()) < 4 * error


def test_the_chance_is_that_of_the_formula():
    rng = np.random.default_rng(0)
    pair = np.stack([rng.normal(0.2, 1, 12), np.zeros(12)])
    z = pair[0].mean() / (pair[0].std(ddof=1) * np.sqrt(1 / 12 - 1 / N))
    chance = chance_of_turning(pair, N)
    assert chance[0, 1] == pytest.approx(stats.t.sf(z, 11))
    assert chance[1, 0] == pytest.approx(stats.t.cdf(z, 11))


def test_the_full_budget_and_equal_candidates_leave_nothing_to_chance():
    errors = np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 3.1], [1.0, 2.0, 3.0]])
    assert chance_of_turning(errors, 3).tolist() == [[0, 1, 0], [0, 0, 0], [0, 1, 0]]
    apart = np.stack([np.arange(5.0), np.arange(5.0) + 1, np.arange(5.0)])
    assert chance_of_turning(apart, 9).tolist() == [[0, 1, 0], [0, 0, 0], [0, 1, 0]]


@pytest.mark.parametrize("ranks", [(1,), (1, 3)])
@pytest.mark.parametrize(("candidates", "delta"), [(2, 0.2), (2, 0.6), (8, 0.2), (8, 0.6)])
def test_what_was_risked_is_within_the_share_of_the_budget(candidates, delta, ranks):
    """At every look, over all candidates that have left."""
    rng = np.random.default_rng(candidates)
    for _ in range(30):
        errors = rng.normal(size=(candidates, 1)) * 0.3 + rng.normal(size=(candidates, N))
        run = PredictiveRace(candidates, N, delta, ranks)
        for look in looks_for(N, LOOKS)[:-1]:
            run.look(np.where(run.open[:, None], errors, np.nan)[:, :look], ())
            assert run.risked <= delta * look / N + 1e-12


@pytest.mark.parametrize(("candidates", "ranks"), [(2, (1,)), (10, (1,)), (10, (1, 5))])
def test_decisions_turn_less_often_than_was_risked(candidates, ranks):
    """On margins of every size, mean flips against the mean of what was promised for each item."""
    rng = np.random.default_rng(candidates + len(ranks))
    turned, promised, shares = 0, 0.0, []
    delta, runs = 0.6, 400
    for _ in range(runs):
        margins = rng.uniform(0, 2, size=(candidates, 1))
        errors = margins + 0.7 * rng.normal(size=(candidates, N))
        seen = race(errors, delta, ranks)
        turned += any(best(seen, k) != best(errors, k) for k in ranks)
        length = np.isfinite(seen).sum(axis=1).max()
        promised += delta * length / N if length < N else 0.0
        shares.append(np.isfinite(seen).mean())
    assert turned < promised + 3 * np.sqrt(promised)
    assert np.mean(shares) < 0.7


def test_a_larger_delta_never_takes_more():
    rng = np.random.default_rng(3)
    for _ in range(20):
        errors = rng.normal(size=(5, 1)) * 0.3 + rng.normal(size=(5, N))
        taken = [np.isfinite(race(errors, delta)).sum() for delta in (0.01, 0.1, 0.4)]
        assert taken == sorted(taken, reverse=True)


def test_a_clear_rival_leaves_and_two_near_ones_go_on():
    rng = np.random.default_rng(4)
    errors = 0.1 * rng.normal(size=(4, N))
    errors[2:] += 3.0
    run = PredictiveRace(4, N, 0.2)
    run.look(errors[:, :8], ())
    assert run.open.tolist() == [True, True, False, False]


def test_matching_needs_all_four_comparisons():
    rng = np.random.default_rng(5)
    errors = rng.normal(size=(2, 2, 32)) * 0.1
    errors[0, 1] += 1
    errors[1, 0] += 1
    assert PredictiveRace.matching_is_decided(errors, N, 0.2, ())
    errors[1, 0] -= errors[1, 0].mean() - errors[1, 1].mean()
    assert not PredictiveRace.matching_is_decided(errors, N, 0.2, ())


def test_the_engine_stops_where_the_rule_says(load, hard_items):
    full = list(load(samples=20, batch_size=32).score_items(hard_items))
    model = load(samples=20, batch_size=32, stop="predictive", delta=0.6)
    raced = list(model.score_items(hard_items))
    for item, whole, part in zip(hard_items, full, raced, strict=True):
        seen = ~np.isnan(part.errors)
        np.testing.assert_array_equal(part.errors[seen], whole.errors[seen])
        if item.query is Query.ASSOCIATION:
            assert seen.all()
        elif item.query is not Query.MATCHING:
            base = whole.unconditional_errors
            compared = whole.errors - (0 if base is None else base[:, None])
            rule = race(compared.reshape(5, 20).astype(np.float64), 0.6)
            assert best(rule) == {part.matrix.argmax()}
            lengths = seen.sum(axis=-1).ravel()
            np.testing.assert_array_equal(lengths, np.isfinite(rule).sum(axis=1))
    assert model.unet_evaluations < 20 * (5 + 5 + 4 + 5 + 5)
    assert model.card.revision == f"{load(samples=20).card.revision}+predict0.6"


def test_the_default_of_delta_is_the_rules_own(load):
    assert load(stop="predictive").settings.delta == 0.2
    assert load(stop="sequential").settings.delta == 0.05
    assert load().settings.delta is None


def test_the_grid_of_2023_cannot_be_stopped(load):
    with pytest.raises(InputError, match="--stop predictive needs"):
        load(stop="predictive", compat="diffusion-itm-2023")
