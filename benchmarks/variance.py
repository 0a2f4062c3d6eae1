"""Which choices lower the variance of a comparison? From the errors that stopping.py collected.

    python benchmarks/variance.py --errors DIR

For the two best candidates of every item that were seen at all timesteps: the paired difference
d_t of their errors. "Samples needed" is the variance of the weighted differences over the square
of their mean, relative to the L2 norm with uniform weights; lower is better. The order of the
timesteps is judged by the squared error of the mean over the first n against the full mean,
relative to what n random timesteps have (simple random sampling without replacement).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gdbench.models.diffusion_itm.schedule import nested_timesteps

Array = NDArray[np.float64]


def best_two(path: Path) -> Array | None:
    """Errors (2, timesteps) of the two best candidates, None where one was dropped."""
    errors = np.load(path).astype(np.float64)
    whole = errors[~np.isnan(errors).any(axis=1)]
    if len(whole) < 2:
        return None
    return whole[np.argsort(whole.mean(axis=1))[:2]]


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


def main() -> None:
    """Compare weightings and orders."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--errors", type=Path, required=True)
    options = parser.parse_args()
    found = [best_two(path) for path in sorted(options.errors.glob("*.npy"))]
    pairs = np.array([pair for pair in found if pair is not None])
    norm = pairs[:, 1] - pairs[:, 0]
    square = pairs[:, 1] ** 2 - pairs[:, 0] ** 2
    times = np.array(nested_timesteps(pairs.shape[-1]))
    snr = alphas()[times] / (1 - alphas()[times])
    train, test = np.arange(len(norm)) % 2 == 0, np.arange(len(norm)) % 2 == 1
    # learned: mean over variance of the difference in each of ten bins of time, from one half
    bins = np.minimum((times - times.min()) * 10 // (np.ptp(times) + 1), 9)
    scaled = norm[train] / norm[train].std(axis=1, keepdims=True)
    learned = np.array(
        [max(scaled[:, bins == b].mean(), 0) / scaled[:, bins == b].var() for b in range(10)]
    )[bins]
    uniform = np.ones(len(times))
    base = samples_needed(norm[test], uniform)
    print(
        f"{len(norm)} items, {test.sum()} of them in the comparison; samples needed, median ratio"
    )
    for name, differences, weights in (
        ("squared error, uniform", square, uniform),
        ("L2, weight min(snr, 5)", norm, np.minimum(snr, 5.0)),
        ("L2, weight sqrt(snr)", norm, np.sqrt(snr)),
        ("L2, weight 1 / (1 + snr)", norm, 1 / (1 + snr)),
        ("L2, learned on the other half", norm, learned),
    ):
        ratio = np.median(samples_needed(differences[test], weights) / base)
        print(f"  {name:<34}{ratio:6.2f}")
    total = norm.shape[1]
    full = norm.mean(axis=1)
    for n in (8, 16, 32, 64):
        expected = norm.var(axis=1, ddof=1) * (1 - n / total) / n
        ratio = np.mean((norm[:, :n].mean(axis=1) - full) ** 2 / expected)
        print(f"  first {n:>3} in nested order: {ratio:.2f} of the variance of {n} random ones")


if __name__ == "__main__":
    main()
