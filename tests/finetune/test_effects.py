"""Effects with seeds as repeats, against simulated truth and an analysis of variance."""

from dataclasses import replace

import numpy as np
import pytest

from gdbench.finetune.effects import ABILITIES, by_ability, effect, effects, over_seeds
from gdbench.metrics.measures import Sample
from gdbench.metrics.spread import spread

N, SEEDS = 400, 3


def sample(values):
    n = len(values)
    values = np.asarray(values, dtype=np.float64)
    whole = np.zeros(n, dtype=np.int64)
    return Sample(
        ids=tuple(map(str, range(n))), expected=values, strict=values, lenient=values,
        tied=np.zeros(n, dtype=bool), chance=np.full(n, 0.5), cluster=np.arange(n), part=whole,
        release=values, cluster_names=tuple(map(str, range(n))),
    )  # fmt: skip


def drawn(rng, *, effect_of=0.0, seed_sd=0.0, n=N):
    """Credits of a base and of `SEEDS` runs: an item changes in all seeds alike, or in one."""
    base = rng.integers(0, 2, n).astype(float)
    items = rng.normal(0, 0.2, n)
    runs = [
        base + effect_of + rng.normal(0, seed_sd) + items + rng.normal(0, 0.2, n)
        for _ in range(SEEDS)
    ]
    return sample(base), [sample(run) for run in runs]


def test_the_variance_of_a_mean_is_that_of_simulated_repeats():
    rng = np.random.default_rng(0)
    for seed_sd in (0.0, 0.04):
        found, estimated = [], []
        for _ in range(400):
            base, runs = drawn(rng, seed_sd=seed_sd)
            one = effect("x", base, runs)
            found.append(one.difference)
            estimated.append(one.item_variance + one.seed_variance)
        # 4 standard errors of a variance of 400; the seeds' part may only be too large, never < 0
        ratio = np.mean(estimated) / np.var(found, ddof=1)
        assert 1 - 4 * (2 / 399) ** 0.5 < ratio < 1.35


def test_an_effect_of_seeds_alone_is_not_taken_for_one_of_the_method():
    rng = np.random.default_rng(1)
    repeats = 500
    wrong = sum(effect("x", *drawn(rng, seed_sd=0.04)).significant for _ in range(repeats))
    alone = 0
    for _ in range(repeats):
        base, runs = drawn(rng, seed_sd=0.04)
        mean = replace(runs[0], expected=np.mean([run.expected for run in runs], axis=0))
        alone += effect("x", base, [mean]).significant
    assert wrong / repeats < 0.09  # of a test at 5 %
    assert alone / repeats > 0.3  # what items alone would say


def test_an_effect_is_found_as_often_as_the_power_says():
    rng = np.random.default_rng(2)
    size = np.median([effect("x", *drawn(rng)).detectable for _ in range(100)])
    found = sum(effect("x", *drawn(rng, effect_of=size)).significant for _ in range(300))
    assert found / 300 == pytest.approx(0.8, abs=0.1)


def test_one_seed_has_the_spread_of_items_alone():
    base, runs = drawn(np.random.default_rng(3))
    deltas = np.array([runs[0].expected - base.expected])
    weight = base.item_weight()
    alone = spread(deltas[0], weight, base.cluster, base.part)
    assert over_seeds(deltas, weight, base.cluster, alone) == (alone, 0.0)


def test_the_part_of_seeds_is_that_of_an_analysis_of_variance():
    base, runs = drawn(np.random.default_rng(4), seed_sd=0.2)
    deltas = np.array([run.expected - base.expected for run in runs])
    rows, columns = deltas.shape
    grand = deltas.mean()
    between = columns * ((deltas.mean(1) - grand) ** 2).sum() / (rows - 1)
    rest = deltas - deltas.mean(1)[:, None] - deltas.mean(0)[None] + grand
    within = (rest**2).sum() / ((rows - 1) * (columns - 1))
    expected = (between - within) / columns / rows
    found = effect("x", base, runs).seed_variance
    assert found == pytest.approx(expected, rel=1e-2)


def test_other_items_are_refused():
    base, runs = drawn(np.random.default_rng(5))
    other = replace(runs[0], ids=tuple(f"x{i}" for i in runs[0].ids))
    with pytest.raises(ValueError, match="same items"):
        effect("x", base, [other])


def test_abilities_weigh_their_metrics_alike_and_holm_is_over_the_table():
    rng = np.random.default_rng(6)
    names = [name for ability in ("binding", "order") for name in ABILITIES[ability]]
    base = {name: sample(rng.integers(0, 2, 30 + 10 * k)) for k, name in enumerate(names)}
    pooled = by_ability(base)
    assert list(pooled) == ["binding", "order", "all"]
    each = [np.mean(base[name].expected) for name in ABILITIES["binding"]]
    assert pooled["binding"].mean(pooled["binding"].expected) == pytest.approx(np.mean(each))
    best = {name: replace(one, expected=np.ones_like(one.expected)) for name, one in base.items()}
    table = effects(base, {"none": [base, base], "mixed": [best, best]})
    assert [one.difference for one in table["none"]] == [0, 0, 0]
    assert not any(one.significant for one in table["none"])
    assert all(one.significant for one in table["mixed"])
    assert all(one.p_holm >= one.p_value for row in table.values() for one in row)
    assert max(one.p_holm / one.p_value for one in table["mixed"]) == pytest.approx(6)
