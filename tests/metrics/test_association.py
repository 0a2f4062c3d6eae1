"""Effect sizes against hand computation, WEAT's definition written out, and scipy."""

import warnings
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from gdbench.metrics.association import (
    association,
    effect,
    groups_of,
    permutation_p,
)
from gdbench.metrics.jackknife import Pair, effect_interval, jackknife
from gdbench.metrics.measures import EffectSize
from gdbench.metrics.summary import summarise
from gdbench.protocol import Label, Query


def item(name, group, row, pleasant):
    label = Label(name, Query.ASSOCIATION, tuple(pleasant), 1, len(row), group, name)
    return label, np.array([row], dtype=np.float64)


def board(**groups):
    """Pictures whose phi is the given number: two words, the second always 0."""
    made = [
        item(f"{g}/{i}", g, (phi, 0.0), (0,))
        for g, phis in groups.items()
        for i, phi in enumerate(phis)
    ]
    return [m[0] for m in made], [m[1] for m in made]


def test_by_hand():
    # phi of X: 1, 3 (mean 2); of Y: 0, 0 (mean 0); all: mean 1, deviations 0, 2, -1, -1:
    # variance (0 + 4 + 1 + 1) / 4 = 1.5
    labels, matrices = board(x=[1, 3], y=[0, 0])
    found = effect(EffectSize("x_y", "x", "y"), groups_of(labels, matrices))
    assert found.value == pytest.approx(2 / np.sqrt(1.5))


def test_phi_is_the_difference_of_the_mean_over_either_set_of_words():
    phi, shares = association(np.array([[5.0, 1.0, 2.0, 3.0, 6.0]]), (0, 4))
    assert phi == pytest.approx((5 + 6) / 2 - (1 + 2 + 3) / 3)
    assert shares.sum() == pytest.approx(phi)


def weat(x, y, a, b):
    """Caliskan et al. 2017 with cosines, population deviation, one vector at a time."""

    def cosine(u, v):
        return u @ v / np.sqrt((u @ u) * (v @ v))

    def s(w):
        return np.mean([cosine(w, v) for v in a]) - np.mean([cosine(w, v) for v in b])

    sx, sy = [s(w) for w in x], [s(w) for w in y]
    return (np.mean(sx) - np.mean(sy)) / np.std([*sx, *sy])


@pytest.mark.parametrize(("n", "m", "said"), [(250, 250, 0.2), (50, 50, 1.0), (6, 9, 7.5)])
def test_how_far_point_and_interval_are_apart_is_what_the_docs_say(n, m, said):
    """The interval rests on unbiased variances: the printed effect is farther from 0."""
    rng = np.random.default_rng(n)
    most = np.sqrt((n * n / (n - 1) + m * m / (m - 1)) / (n + m))
    assert 100 * (most - 1) == pytest.approx(said, abs=0.05)
    for shift in (1e-6, 0.5, 2.0):
        phi = {"x": rng.normal(size=n), "y": rng.normal(size=m)}
        phi["x"] += shift + phi["y"].mean() - phi["x"].mean()
        printed = shift / np.concatenate([phi["x"], phi["y"]]).std()
        unbiased = jackknife(Pair("x", "y", ("x", "y")), phi, stable=False).value
        # at no effect it depends on the two variances; of these the smaller group's weighs more
        assert 1 < printed / unbiased < np.sqrt(min(n, m) / (min(n, m) - 1)) + 1e-9
        low, high = effect_interval(Pair("x", "y", ("x", "y")), phi)
        assert low < printed < high


def test_agrees_with_weat_on_embeddings():
    rng = np.random.default_rng(3)
    x, y, a, b = (rng.normal(size=(n, 8)) for n in (6, 5, 4, 3))
    words = np.concatenate([a, b])
    made = []
    for group, vectors in (("x", x), ("y", y)):
        for i, v in enumerate(vectors):
            row = words @ v / (np.linalg.norm(words, axis=1) * np.linalg.norm(v))
            made.append(item(f"{group}{i}", group, row, range(4)))
    (metric, *_) = summarise(
        [EffectSize("x_y", "x", "y")], [m[0] for m in made], [m[1] for m in made]
    )
    assert metric.value == pytest.approx(weat(x, y, a, b))
    words_sum = sum(v for k, v in metric.details.items() if k.startswith("word_"))
    assert words_sum == pytest.approx(metric.value)


def test_the_scale_of_scores_and_a_constant_per_picture_do_not_matter():
    rng = np.random.default_rng(5)
    made = [item(f"{g}{i}", g, rng.normal(size=6), range(3)) for g in "xy" for i in range(9)]
    labels = [m[0] for m in made]
    measure = [EffectSize("x_y", "x", "y")]
    plain = summarise(measure, labels, [m[1] for m in made])[0]
    moved = summarise(measure, labels, [100 * m[1] + rng.normal() for m in made])[0]
    assert moved.value == pytest.approx(plain.value)
    assert moved.p_value == plain.p_value


def test_equal_scores_have_no_effect():
    labels, matrices = board(x=[0.1] * 5, y=[0.1] * 7)
    metric = summarise([EffectSize("x_y", "x", "y", "t")], labels, matrices)[0]
    assert (metric.value, metric.p_value, metric.low) == (0.0, 1.0, None)


def test_compat_divides_two_pairs_by_other_groups():
    rng = np.random.default_rng(7)
    phis = {g: rng.normal(size=6) for g in ("buddhist", "hindu", "christian", "jewish")}
    labels, matrices = board(**phis)
    for second in ("hindu", "jewish"):
        measure = EffectSize(f"buddhist_{second}", "buddhist", second)
        groups = groups_of(labels, matrices)
        difference = phis["buddhist"].mean() - phis[second].mean()
        wrong = np.std(np.concatenate([phis["christian"], phis[second]]))
        right = np.std(np.concatenate([phis["buddhist"], phis[second]]))
        compat = effect(measure, groups, compat="diffusion-itm-2023")
        assert compat.value == pytest.approx(difference / wrong)
        assert effect(measure, groups).value == pytest.approx(difference / right)


def test_exact_permutation_p_is_scipy_s():
    rng = np.random.default_rng(11)
    x, y = rng.normal(0.9, 1, 6), rng.normal(0, 1, 7)
    expected = stats.permutation_test(
        (x, y), lambda a, b: a.mean() - b.mean(), n_resamples=np.inf, alternative="two-sided"
    ).pvalue
    # scipy doubles the smaller tail, which is the same test where the distribution is symmetric
    one = stats.permutation_test(
        (x, y), lambda a, b: abs(a.mean() - b.mean()), n_resamples=np.inf, alternative="greater"
    ).pvalue
    found = permutation_p(x, y)
    assert found == pytest.approx(one)
    assert found == pytest.approx(expected, abs=0.02)


def test_sampled_permutation_p_is_near_welch():
    rng = np.random.default_rng(13)
    x, y = rng.normal(0.3, 1, 120), rng.normal(0, 1, 120)
    assert permutation_p(x, y, seed=1) == pytest.approx(stats.ttest_ind(x, y).pvalue, abs=0.015)
    assert permutation_p(x, y, seed=1) == permutation_p(x, y, seed=1)


def test_the_jackknife_is_the_spread_of_effect_sizes_of_resampled_groups():
    rng = np.random.default_rng(17)
    phi = {"x": rng.normal(1, 1, 40), "y": rng.normal(0, 2, 60)}
    found = jackknife(Pair("x", "y", ("x", "y")), phi, stable=False)
    loop = []
    for _ in range(4000):
        a, b = (rng.choice(phi[g], len(phi[g])) for g in "xy")
        loop.append((a.mean() - b.mean()) / np.concatenate([a, b]).std())
    assert np.sqrt(found.variance) == pytest.approx(np.std(loop), rel=0.06)


def test_an_effect_of_few_pictures_has_no_interval():
    rng = np.random.default_rng(18)
    labels, matrices = board(x=rng.normal(1, 1, 4), y=rng.normal(0, 1, 40))
    metric = summarise([EffectSize("x_y", "x", "y", "t")], labels, matrices)[0]
    assert (metric.low, metric.high) == (None, None)
    assert metric.p_value > 0


def test_means_over_topics_and_holm():
    rng = np.random.default_rng(19)
    labels, matrices = board(a=rng.normal(1, 1, 20), b=rng.normal(0, 1, 20), c=rng.normal(0, 1, 20))
    measures = [EffectSize("a_b", "a", "b", "one"), EffectSize("b_c", "b", "c", "two")]
    found = {m.name: m for m in summarise(measures, labels, matrices)}
    ab, bc, mean = found["a_b"], found["b_c"], found["mean_abs_effect"]
    assert mean.details["plain"] == pytest.approx((abs(ab.value) + abs(bc.value)) / 2)
    assert found["mean_abs_one"].details["plain"] == pytest.approx(abs(ab.value))
    assert found["mean_abs_two"].n == 40
    assert ab.details["p_holm"] == pytest.approx(2 * ab.p_value)
    assert bc.details["p_holm"] == pytest.approx(bc.p_value)
    assert mean.low < mean.value < mean.details["plain"]
    assert mean.value <= mean.high


def test_without_effects_the_mean_is_that_of_the_null_and_its_interval_holds_0():
    rng = np.random.default_rng(23)
    names = "abcdef"
    labels, matrices = board(**{g: rng.normal(0, 1, 50) for g in names})
    measures = [EffectSize(f"{x}_{y}", x, y, "t") for x, y in ("ab", "cd", "ef")]
    mean = summarise(measures, labels, matrices)[3]
    assert mean.low == 0
    assert mean.p_value > 0.025
    assert mean.details["null_mean"] == pytest.approx(np.sqrt(2 / np.pi) * 2 / 10, rel=0.1)


def test_a_model_without_effects_has_a_mean_of_0_and_no_interval():
    labels, matrices = board(a=np.zeros(20), b=np.zeros(20))
    mean = summarise([EffectSize("a_b", "a", "b", "t")], labels, matrices)[1]
    assert (mean.value, mean.low, mean.high, mean.p_value) == (0.0, None, None, 1.0)


def test_permutation_p_is_that_of_exact_sums_where_scores_differ_by_float32_steps():
    """Their mean is rounded, which must not part splits that mirror each other."""
    rng = np.random.default_rng(0)
    for _ in range(60):
        x, y = ((1 + 1e-7 * rng.normal(size=5)).astype(np.float32).astype(float) for _ in range(2))
        pool = [Fraction(v) for v in np.concatenate([x, y]).tolist()]
        half = sum(pool) / 2
        sums = [abs(sum(some) - half) for some in combinations(pool, 5)]
        exact = np.mean([s >= abs(sum(pool[:5]) - half) for s in sums])
        assert permutation_p(x, y) == pytest.approx(exact, abs=1e-12)


def test_groups_that_are_apart_and_have_no_spread_have_no_interval():
    """And no warning of numpy."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for stable in (True, False):
            phi = {"x": np.zeros(6), "y": np.ones(6)}
            found = jackknife(Pair("x", "y", ("x", "y")), phi, stable=stable)
            assert (found is None) == stable
