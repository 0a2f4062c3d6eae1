"""Which norm, weights and order lower the variance of a comparison?

    python -m benchmarks.variance --errors DIR

Reads what full_errors.py wrote. For the two best candidates of every retrieval item: the paired
difference d_t of their errors. "Samples needed" is the variance of the weighted differences over
the square of their mean, relative to the L2 norm with uniform weights: the median ratio over
items with a 95 % bootstrap interval; lower is better. Learned weights come from training scenes
(`--only training`), which no task has. The order of the timesteps is judged by the squared error
of the mean over the first n against the full mean, relative to what n random timesteps have
(simple random sampling without replacement).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import bootstrap

from benchmarks.full_errors import KINDS, TRAINING, Known, read
from gdbench.models.diffusion_itm.schedule import nested_timesteps

Array = NDArray[np.float64]
BINS = 10  # of time, each with a learned weight


def compared(item: Known, power: int) -> Array:
    """What is compared, (n_candidates, n_timesteps): errors, for images less the base's."""
    errors = item.errors**power
    if item.base is not None:
        errors = errors - item.base[:, None] ** power
    return errors.reshape(-1, errors.shape[-1])


def best_two(items: list[Known], power: int = 1) -> Array:
    """Differences (n_items, n_timesteps) of the second best candidate's errors and the best's.

    Which two they are is decided by the L2 norm, whatever the power.
    """
    found = []
    for item in items:
        order = np.argsort(compared(item, 1).mean(axis=1), kind="stable")[:2]
        best, second = compared(item, power)[order]
        found.append(second - best)
    return np.array(found)


def samples_needed(differences: Array, weights: Array) -> Array:
    """Coefficient of variation squared of the weighted difference, one for each item."""
    weighted = differences * weights
    found: Array = weighted.var(axis=1, ddof=1) / weighted.mean(axis=1) ** 2
    return found


def alphas() -> Array:
    """Cumulated alphas of Stable Diffusion's scaled linear schedule."""
    betas = np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
    product: Array = np.cumprod(1 - betas)
    return product


def learned(differences: Array, times: Array) -> Array:
    """Weights (n_timesteps,): mean over variance of the difference in each bin of time."""
    bins = np.minimum((times - times.min()) * BINS // (np.ptp(times) + 1), BINS - 1).astype(int)
    scaled = differences / differences.std(axis=1, keepdims=True)
    each = [max(scaled[:, bins == b].mean(), 0) / scaled[:, bins == b].var() for b in range(BINS)]
    weights: Array = np.array(each)[bins]
    return weights


def compare_weights(items: list[Known], training: list[Known]) -> None:
    """Print the samples needed under other norms and weights."""
    norm, square = best_two(items), best_two(items, power=2)
    times = np.array(nested_timesteps(norm.shape[1]), float)
    snr = alphas()[times.astype(int)]
    snr = snr / (1 - snr)
    uniform = np.ones(len(times))
    base = samples_needed(norm, uniform)
    rows = [
        ("squared error, uniform", square, uniform),
        ("L2, weight min(SNR, 5)", norm, np.minimum(snr, 5.0)),
        ("L2, weight sqrt(SNR)", norm, np.sqrt(snr)),
        ("L2, weight 1 / (1 + SNR)", norm, 1 / (1 + snr)),
    ]
    if training:
        rows.append(("L2, learned on training", norm, learned(best_two(training), times)))
    for name, differences, weights in rows:
        ratio = samples_needed(differences, weights) / base
        low, high = bootstrap(
            (ratio,), np.median, n_resamples=2000, method="percentile", rng=0
        ).confidence_interval
        print(f"  {name:<28}{np.median(ratio):6.2f}  ({low:.2f} to {high:.2f})")


def compare_order(items: list[Known]) -> None:
    """Print how much better a prefix of the nested order is than as many random timesteps."""
    norm = best_two(items)
    total, full = norm.shape[1], norm.mean(axis=1)
    for n in (8, 16, 32, 64):
        expected = norm.var(axis=1, ddof=1) * (1 - n / total) / n
        ratio = np.mean((norm[:, :n].mean(axis=1) - full) ** 2 / expected)
        print(f"  first {n:>3} in nested order: {ratio:.2f} of the variance of {n} random ones")


def main() -> None:
    """Compare weightings and orders for each kind of item."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--errors", type=Path, required=True)
    options = parser.parse_args()
    training = read(options.errors, TRAINING)
    for kind in KINDS:
        items = read(options.errors, kind)
        if kind in ("2 x 2", TRAINING) or not items:
            continue
        print(f"{kind}: {len(items)} items (weights learned on {len(training)} training scenes)")
        compare_weights(items, training)
        compare_order(items)


if __name__ == "__main__":
    main()
