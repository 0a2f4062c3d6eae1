"""Do the numbers keep what they say? Simulations with known truth for every uncertainty printed.

    python -m benchmarks.coverage [--boards 1000] [--only shares] [--json FILE]

shares       coverage of intervals of accuracies and macro averages
scores       coverage of intervals of task scores and of the whole benchmark
differences  coverage of intervals of differences of two models, where they differ
tests        rejections at 5 % where two models are equal
power        share of `detectable` differences that are found
effects      coverage of intervals of effect sizes
effect tests rejections at 5 % where two models have the same effect
means        coverage of intervals of mean absolute effects
noise        stated over true Monte-Carlo error, root mean square over runs

Everything is seeded. `tests/metrics/test_coverage.py` runs a short form.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.coverage_effects import effect_cases, mean_cases, noise_cases
from benchmarks.simulation import Array, Case, Draw, measure
from gdbench.metrics.intervals import Interval, share_interval
from gdbench.metrics.measures import Sample, merge
from gdbench.metrics.paired import mcnemar_p, paired_difference
from gdbench.metrics.power import detectable_mcnemar


def sample_of(values: Array, cluster: Array | None = None, part: Array | None = None) -> Sample:
    """A sample with these values; by default every item is a cluster of one part."""
    n = len(values)
    ids = tuple(map(str, range(n)))
    cluster = np.arange(n) if cluster is None else cluster
    names = tuple(map(str, range(cluster.max() + 1)))
    zero = np.zeros(n)
    return Sample(
        ids, values, values, values, zero.astype(bool), zero, cluster,
        zero.astype(int) if part is None else part, values, names,
    )  # fmt: skip


@dataclass(frozen=True)
class Design:
    """Items by cluster or by part, with the true accuracy of each part."""

    sizes: Sequence[int]
    rates: float | Sequence[float]
    spread: float = 0.0  # a + b of the beta distribution of clusters' accuracies; 0: all alike
    macro: bool = False  # sizes are those of parts, else of clusters

    @property
    def truth(self) -> float:
        """The true value."""
        return float(np.mean(self.rates))

    @property
    def group(self) -> Array:
        """(n,): cluster or part of each item."""
        return np.repeat(np.arange(len(self.sizes)), self.sizes)

    def values(self, rng: np.random.Generator) -> Array:
        """One test set: (n,) of 0 and 1."""
        rate = np.broadcast_to(np.asarray(self.rates, dtype=float), len(self.sizes))
        if self.spread:
            rate = rng.beta(rate * self.spread, (1 - rate) * self.spread)
        return (rng.random(sum(self.sizes)) < np.repeat(rate, self.sizes)).astype(float)

    def sample(self, values: Array) -> Sample:
        """The test set with these values."""
        group = self.group
        return sample_of(values, part=group) if self.macro else sample_of(values, cluster=group)

    def draw(self, rng: np.random.Generator) -> Sample:
        """One test set."""
        return self.sample(self.values(rng))


UNEQUAL = tuple(np.random.default_rng(5).geometric(0.1, 100))
HEAVY = tuple(np.clip((np.random.default_rng(6).pareto(1.2, 100) * 2 + 1).astype(int), 1, 200))
STEEP = (10, 20, 40, 80, 160, 320, 400)
SHARES: dict[str, Design] = {
    "50 items, p = .6": Design([1] * 50, 0.6),
    "50 items, p = .95": Design([1] * 50, 0.95),
    "30 items, p = .995": Design([1] * 30, 0.995),
    "200 items, p = .002": Design([1] * 200, 0.002),
    "10 items, p = .5": Design([1] * 10, 0.5),
    "200 x 5, p = .5, beta(1, 1)": Design([5] * 200, 0.5, 2),
    "60 x 5, p = .7, beta(1.4, .6)": Design([5] * 60, 0.7, 2),
    "100 x 10, p = .2, beta(1, 4)": Design([10] * 100, 0.2, 5),
    "100 x 10, p = .9, independent": Design([10] * 100, 0.9),
    "20 x 5, p = .6, beta(1.2, .8)": Design([5] * 20, 0.6, 2),
    "10 x 5, p = .8, beta(.8, .2)": Design([5] * 10, 0.8, 1),
    "30 x 5, p = .02, strong": Design([5] * 30, 0.02, 1),
    "100 unequal clusters, p = .98, strong": Design(UNEQUAL, 0.98, 1),
    "100 unequal clusters, p = .98, weak": Design(UNEQUAL, 0.98, 5),
    "100 unequal clusters, p = .98, independent": Design(UNEQUAL, 0.98),
    "100 very unequal clusters, p = .7": Design(HEAVY, 0.7, 2),
    "40 unequal clusters, p = .3, strong": Design(UNEQUAL[:40], 0.3, 1),
    "macro 7 x 100, p = .995": Design([100] * 7, 0.995, macro=True),
    "macro 7 x 100, p = .9": Design([100] * 7, 0.9, macro=True),
    "macro 3 x 200 and 30 x 1, p = .97": Design([200] * 3 + [1] * 30, 0.97, macro=True),
    "macro 3 x 200 and 30 x 1, p = .995": Design([200] * 3 + [1] * 30, 0.995, macro=True),
    "macro 37 x 4, p = .98": Design([4] * 37, 0.98, macro=True),
    "macro 34 x 1 and 3 x 2, p = .9": Design([1] * 34 + [2] * 3, 0.9, macro=True),
    "macro 37 x 1, p = .95": Design([1] * 37, 0.95, macro=True),
    "macro of 10 to 400 items, p = .985": Design(STEEP, 0.985, macro=True),
    "macro of 10 to 400 items, p = .95": Design(STEEP, 0.95, macro=True),
    "macro 5 and 3 x 400, p = .7": Design([5, 400, 400, 400], 0.7, macro=True),
    "macro 20 and 3 x 400, p = .9": Design([20, 400, 400, 400], 0.9, macro=True),
    "macro 10 at .9 and 3 x 400 at .995": Design(
        [10, 400, 400, 400], [0.9, 0.995, 0.995, 0.995], macro=True),
    "macro of p = .95, .5, .99, .3": Design([10, 10, 40, 100], [0.95, 0.5, 0.99, 0.3], macro=True),
}  # fmt: skip


def covers(design: Design) -> Draw:
    """Whether the interval of a share holds the truth."""
    layout = design.sample(np.zeros(sum(design.sizes)))

    def draw(rng: np.random.Generator) -> float:
        return holds(share_interval(layout, design.values(rng)), design.truth)

    return draw


def holds(interval: Interval | None, truth: float) -> float:
    """1 where the interval holds the truth, else 0."""
    return float(interval is not None and interval.low <= truth <= interval.high)


def apart(sample: Sample, name: str) -> Sample:
    """The sample with clusters of its own name, so that a merged score does not join them."""
    names = tuple(f"{name}/{c}" for c in sample.cluster_names)
    return Sample(**{**vars(sample), "cluster_names": names})


def covers_score(parts: dict[str, Design], *, shared: float = 0.0) -> Draw:
    """Whether the interval of a mean of metrics holds the truth; `shared`: metrics of one item."""
    truth = float(np.mean([d.truth for d in parts.values()]))

    empty = {n: d.sample(np.zeros(sum(d.sizes))) for n, d in parts.items()}
    layout = merge(empty if shared else {n: apart(s, n) for n, s in empty.items()})

    def draw(rng: np.random.Generator) -> float:
        if shared:
            skill = rng.beta(0.5 * shared, 0.5 * shared, len(next(iter(parts.values())).sizes))
            rates = [skill ** (1 / d.truth - 1) for d in parts.values()]
            values = [(rng.random(len(skill)) < rate).astype(float) for rate in rates]
        else:
            values = [d.values(rng) for d in parts.values()]
        return holds(share_interval(layout, np.concatenate(values)), truth)

    return draw


TASKS: dict[str, Design] = {
    "flickr30k": Design([2] * 100, 0.8, 3),
    "winoground": Design([3] * 100, 0.5, 2),
    "aro": Design([1] * 400, 0.85),
    "imagecode": Design([4] * 25, 0.6, 3),
    "svo": Design([1] * 300, 0.95),
    "clevr": Design([100] * 7, 0.9, macro=True),
    "pets": Design([4] * 37, 0.97, macro=True),
}


def tasks_at(*rates: float, strong: bool = False) -> dict[str, Design]:
    """The seven tasks with these accuracies (one: for all)."""
    each = rates * len(TASKS) if len(rates) == 1 else rates
    return {
        name: Design(d.sizes, p, 0.5 if strong and d.spread else d.spread, d.macro)
        for (name, d), p in zip(TASKS.items(), each, strict=True)
    }


SCORES: dict[str, Draw] = {
    "4 metrics over 28, 24, 50, 50 items": covers_score(
        {str(i): Design([1] * n, p) for i, (n, p) in
         enumerate(((28, 0.8), (24, 0.6), (50, 0.9), (50, 0.95)))}
    ),
    "2 metrics over 100 and 1000 items": covers_score(
        {"a": Design([1] * 100, 0.7), "b": Design([1] * 1000, 0.9)}
    ),
    "3 metrics over the same 100 items": covers_score(
        {k: Design([1] * 100, 0.5) for k in "abc"}, shared=2.0
    ),
    "whole benchmark, 7 tasks": covers_score(TASKS),
    "20, 50, 100 and 1000 items, all .985": covers_score(
        {str(n): Design([1] * n, 0.985) for n in (20, 50, 100, 1000)}
    ),
    "20 items at .9 and 2000 at .995": covers_score(
        {"a": Design([1] * 20, 0.9), "b": Design([1] * 2000, 0.995)}
    ),
    **{f"whole benchmark, all {p}": covers_score(tasks_at(p)) for p in (0.9, 0.95, 0.985, 0.995)},
    "whole benchmark, all .985, strong clusters": covers_score(tasks_at(0.985, strong=True)),
    "whole benchmark, .9 to .995": covers_score(
        tasks_at(0.9, 0.95, 0.985, 0.995, 0.985, 0.995, 0.995)
    ),
    "whole benchmark, one .6, six .995": covers_score(tasks_at(*[0.995] * 3, 0.6, *[0.995] * 3)),
}  # fmt: skip


WIDE = ("whole benchmark, all 0.995", "20, 50, 100 and 1000 items, all .985")
"""Where intervals are wider than they should be: on the safe side, and said so in the docs."""


def two(first: Design, second: Design) -> Callable[[np.random.Generator], tuple[Sample, Sample]]:
    """Two models on the same items."""
    return lambda rng: (first.draw(rng), second.draw(rng))


def guessed(n: int, ways: int, tied: float = 1.0) -> Callable[..., tuple[Sample, Sample]]:
    """A model that guesses among so many, and one that is tied among them (on a share of items)."""

    def draw(rng: np.random.Generator) -> tuple[Sample, Sample]:
        guess, other = (rng.random((2, n)) < 1 / ways).astype(float)
        constant = np.where(rng.random(n) < tied, 1 / ways, other)
        return sample_of(guess), sample_of(constant)

    return draw


def guessed_pairs(n: int) -> Callable[..., tuple[Sample, Sample]]:
    """Random scores of 2 x 2 items and a constant model: mean of text, image and group score."""

    def draw(rng: np.random.Generator) -> tuple[Sample, Sample]:
        a, b, c, d = rng.normal(size=(4, n))
        text, image = (a > b) & (d > c), (a > c) & (d > b)
        values = np.concatenate([text, image, text & image]).astype(float)
        chance = np.repeat([1 / 4, 1 / 4, 1 / 6], n)
        cluster, part = np.tile(np.arange(n), 3), np.repeat(np.arange(3), n)
        return sample_of(values, cluster, part), sample_of(chance, cluster, part)

    return draw


NULLS: dict[str, Callable[[np.random.Generator], tuple[Sample, Sample]]] = {
    "McNemar, 100 items": two(Design([1] * 100, 0.8), Design([1] * 100, 0.8)),
    "2-way against a constant, n = 8": guessed(8, 2),
    "4-way against a constant, n = 10": guessed(10, 4),
    "10-way against a constant, n = 20": guessed(20, 10),
    "10-way against a constant, n = 50": guessed(50, 10),
    "37-way against a constant, n = 37": guessed(37, 37),
    "37-way against a constant, n = 148": guessed(148, 37),
    "10-way, 90 % tied, n = 50": guessed(50, 10, 0.9),
    "37-way, half tied, n = 148": guessed(148, 37, 0.5),
    "2 x 2 against a constant, n = 20": guessed_pairs(20),
    "2 x 2 against a constant, n = 100": guessed_pairs(100),
    "60 unequal clusters, p = .9": two(Design(UNEQUAL[:60], 0.9, 2), Design(UNEQUAL[:60], 0.9, 2)),
    "10 x 5": two(Design([5] * 10, 0.7, 2), Design([5] * 10, 0.7, 2)),
    "5 x 4": two(Design([4] * 5, 0.5, 2), Design([4] * 5, 0.5, 2)),
    "macro 7 x 100": two(*[Design([100] * 7, 0.9, macro=True)] * 2),
    "macro 37 x 4": two(*[Design([4] * 37, 0.95, macro=True)] * 2),
    "macro 3 x 200 and 30 x 1": two(*[Design([200] * 3 + [1] * 30, 0.9, macro=True)] * 2),
}
DIFFERENT: dict[str, tuple[Design, Design]] = {
    "100 items, .8 and .7": (Design([1] * 100, 0.8), Design([1] * 100, 0.7)),
    "60 unequal clusters, .9 and .6": (Design(UNEQUAL[:60], 0.9, 2), Design(UNEQUAL[:60], 0.6, 2)),
    "100 unequal clusters, .99 and .95": (Design(UNEQUAL, 0.99, 2), Design(UNEQUAL, 0.95, 2)),
    "macro 7 x 100, .995 and .98": (
        Design([100] * 7, 0.995, macro=True), Design([100] * 7, 0.98, macro=True)),
    "macro 3 x 200 and 30 x 1, .97 and .9": (
        Design([200] * 3 + [1] * 30, 0.97, macro=True),
        Design([200] * 3 + [1] * 30, 0.9, macro=True)),
    "20 x 5, .6 and .4": (Design([5] * 20, 0.6, 2), Design([5] * 20, 0.4, 2)),
}  # fmt: skip


def rejects(draw_two: Callable[[np.random.Generator], tuple[Sample, Sample]]) -> Draw:
    """Whether a paired test at 5 % finds a difference."""
    return lambda rng: float(paired_difference("", *draw_two(rng), power=False).p_value <= 0.05)


def covers_difference(first: Design, second: Design) -> Draw:
    """Whether the interval of a difference holds the truth."""

    def draw(rng: np.random.Generator) -> float:
        d = paired_difference("", first.draw(rng), second.draw(rng), power=False)
        if d.low is None or d.high is None:
            return 0.0
        return float(d.low <= first.truth - second.truth <= d.high)

    return draw


def detects(n: int, discordant: int) -> Draw:
    """Whether McNemar's test finds what is said to be detectable."""
    effect = detectable_mcnemar(n, discordant)
    share = max(discordant / n, effect)

    def draw(rng: np.random.Generator) -> float:
        differ = int(rng.binomial(n, share))
        better = int(rng.binomial(differ, (1 + effect / share) / 2))
        return float(mcnemar_p(better, differ - better) <= 0.05)

    return draw


def cases() -> Iterator[Case]:
    """All of them, in the order of the table."""
    for name, design in SHARES.items():
        yield Case("shares", name, covers(design), 0.93, 1)
    for name, draw in SCORES.items():
        yield Case("scores", name, draw, 0.93, 0.99 if name in WIDE else 0.975)
    for name, (first, second) in DIFFERENT.items():
        yield Case("differences", name, covers_difference(first, second), 0.93, 1)
    for name, both in NULLS.items():
        yield Case("tests", name, rejects(both), 0, 0.06)
    for n, discordant in ((20, 8), (100, 20), (400, 40), (400, 200), (5000, 500)):
        yield Case("power", f"n = {n}, {discordant} differ", detects(n, discordant), 0.78, 0.82)
    yield from effect_cases()
    yield from mean_cases()
    yield from noise_cases()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--boards", type=int, default=1000)
    parser.add_argument("--only", action="append")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = []
    for case in cases():
        if options.only and case.section not in options.only:
            continue
        value, n = measure(case, options.boards)
        good = case.low <= value <= case.high
        rows.append({"section": case.section, "case": case.name, "value": value, "n": n})
        shown = f"{value:6.2f}" if case.section == "noise" else f"{100 * value:5.1f}%"
        wanted = f"{case.low:g} to {case.high:g}"
        mark = "" if good else "  <- outside"
        print(f"{case.section:<13}{case.name:<45}{shown}  ({n} boards, {wanted}){mark}", flush=True)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
