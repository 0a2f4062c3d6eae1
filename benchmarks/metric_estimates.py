"""The accuracy at 250 samples, estimated from few passes a pair: how far off, and how honest?

    python -m benchmarks.metric_estimates [--draws 400] [--passes 16] [--markdown]

On the 2-way items whose errors lie in `benchmarks/errors` (see budget.py), where none was spared.
Each draw takes other timesteps, one of each of n groups of neighbours, the same for all items, and
asks for the accuracy that all 250 give.

plain       the decisions of the n samples; interval as for "credit"
credit      the mean chance that an item is right at the full budget, by the predictive distribution
            with a flat prior (gdbench.models.diffusion_itm.predictive); the interval takes items as
            right or wrong independently of each other
shrunken    the same with a normal prior of the margins, in units of the spread over timesteps, that
            is taken from the items themselves (empirical Bayes by moments)
corrected   half of the passes for all; then some items in full, drawn with chances that grow with
            the doubt about them, so that the other half is spent on average: mean credit, and what
            the items in full differ from theirs, by their chances (difference estimator; Särndal,
            Swensson and Wretman 1992, chapter 6); unbiased whatever the credit is. Interval: the
            larger of the variance that the drawn items show and that the credits promise.

In points: the mean and the root mean square of what an estimate is off, and the mean half of its
95 % interval. "Covered" is the share of draws in which the interval holds the accuracy.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy.stats import norm
from scipy.stats import t as student

from benchmarks.full_errors import SAMPLES
from benchmarks.kept_errors import ROOT, Kept, load
from benchmarks.variance import compared
from gdbench.models.diffusion_itm.schedule import nested_timesteps

Floats = NDArray[np.float64]
KIND = "2-way"
LEAST = 0.002  # chance of being run in full, of an item that seems sure
Z = float(norm.isf(0.025))


class Estimate(NamedTuple):
    """A share and the standard error that it claims."""

    value: float
    error: float


def margins(kept: Kept) -> Floats:
    """Errors of the wrong candidate less those of the right one, (n_items, SAMPLES)."""
    rows = [compared(item, 1) for item in kept.items]
    return np.array([row[1 - g] - row[g] for row, g in zip(rows, kept.gold.tolist(), strict=True)])


def drawn(rng: np.random.Generator, n: int) -> NDArray[np.int64]:
    """Positions of n timesteps, one of each of n groups of neighbours."""
    order = np.argsort(nested_timesteps(SAMPLES))
    return np.array([rng.choice(group) for group in np.array_split(order, n)])


def chances(some: Floats) -> Floats:
    """The chance (n_items,) that the mean of all is above 0, from n of them; a flat prior."""
    n = some.shape[1]
    error = some.std(axis=1, ddof=1) * np.sqrt(1 / n - 1 / SAMPLES)
    found: Floats = student.cdf(some.mean(axis=1) / error, n - 1)
    return found


def by_credit(credit: Floats) -> Estimate:
    """The mean chance, items being right or wrong independently."""
    return Estimate(credit.mean(), float(np.sqrt((credit * (1 - credit)).sum())) / len(credit))


def plain(some: Floats, whole: Floats, rng: np.random.Generator) -> Estimate:
    """See the module; `some` (n_items, n), `whole` (n_items, SAMPLES)."""
    del whole, rng
    return Estimate(float((some.mean(axis=1) > 0).mean()), by_credit(chances(some)).error)


def credit(some: Floats, whole: Floats, rng: np.random.Generator) -> Estimate:
    """See the module."""
    del whole, rng
    return by_credit(chances(some))


def shrunken(some: Floats, whole: Floats, rng: np.random.Generator) -> Estimate:
    """See the module."""
    del whole, rng
    n = some.shape[1]
    margin = some.mean(axis=1) / some.std(axis=1, ddof=1)
    noise = 1 / n - 1 / SAMPLES
    centre, spread = margin.mean(), max(margin.var(ddof=1) - noise, 1e-6)
    weight = spread / (spread + noise)
    mean = centre + weight * (margin - centre)
    return by_credit(norm.cdf(mean / np.sqrt(weight * noise)))


def corrected(some: Floats, whole: Floats, rng: np.random.Generator) -> Estimate:
    """See the module; `some` are twice as many as are asked for all."""
    passes = some.shape[1]
    first = passes // 2
    belief = chances(some[:, rng.permutation(passes)[:first]])
    doubt = np.sqrt(belief * (1 - belief))
    in_full = len(belief) * (passes - first) / (SAMPLES - first)
    chance = np.clip(in_full * doubt / doubt.sum(), LEAST, 1)
    taken = rng.random(len(belief)) < chance
    right = whole[taken].mean(axis=1) > 0
    off = (right - belief[taken]) / chance[taken]
    seen = float(((1 - chance[taken]) * off**2).sum())
    promised = float(((1 / chance - 1) * doubt**2).sum())
    value = float(belief.sum() + off.sum()) / len(belief)
    return Estimate(value, float(np.sqrt(max(seen, promised))) / len(belief))


METHODS: tuple[Callable[[Floats, Floats, np.random.Generator], Estimate], ...] = (
    plain, credit, shrunken, corrected,
)  # fmt: skip


def cells(name: str, whole: Floats, passes: int, draws: int) -> list[list[str]]:
    """The rows of a model."""
    truth = float((whole.mean(axis=1) > 0).mean())
    found = []
    for method in METHODS:
        rng = np.random.default_rng(0)
        estimates = [method(whole[:, drawn(rng, passes)], whole, rng) for _ in range(draws)]
        off = 100 * (np.array([e.value for e in estimates]) - truth)
        half = 100 * Z * np.array([e.error for e in estimates])
        found.append([
            name, f"{100 * truth:.1f}", method.__name__, f"{off.mean():+.1f}",
            f"{np.sqrt((off**2).mean()):.1f}", f"{half.mean():.1f}",
            f"{100 * (np.abs(off) <= half).mean():.0f} %",
        ])  # fmt: skip
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=400)
    parser.add_argument("--passes", type=int, default=16)
    parser.add_argument("--markdown", action="store_true")
    options = parser.parse_args()
    headers = ("model", "accuracy", "estimate", "mean off", "RMSE", "half-width", "covered")
    rows = [
        row
        for folder in sorted(ROOT.iterdir())
        if (kept := load(folder.name, KIND)) is not None
        for row in cells(folder.name, margins(kept), options.passes, options.draws)
    ]
    if options.markdown:
        print("| " + " | ".join(headers) + " |\n| --- | ---: | --- |" + " ---: |" * 4)
        print("\n".join("| " + " | ".join(row) + " |" for row in rows))
        return
    table = Table(*headers, box=None)
    for row in rows:
        table.add_row(*row)
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
