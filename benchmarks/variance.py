"""Which norm, weights and order lower the variance of a comparison?

    python -m benchmarks.variance [--model mini-sd] [--trained-on mini-flow]

Reads the errors in `benchmarks/errors` (see kept_errors.py). For the two best candidates of every
retrieval item: the paired difference d_t of their errors. "Samples needed" is the variance of the
weighted differences over the square of their mean, relative to the L2 norm with uniform weights:
the median ratio over items with a 95 % bootstrap interval; lower is better. Learned weights come
from training scenes (`--only training`), which no task has. The order of the timesteps is judged by
the squared error of the mean over the first n against the full mean, relative to what n random
timesteps have (simple random sampling without replacement). Importance of timesteps: the variance
of an unbiased mean whose samples are spread over bins of time in proportion to the spread that
training scenes have there (Neyman 1934), relative to an even spread. Chosen noise: the n pairs of
timestep and noise whose mean came nearest to the full one on training scenes (forward selection),
against the first n. `--trained-on` learns all three with another model.
"""

from __future__ import annotations

import argparse

import numpy as np
from numpy.typing import NDArray
from scipy.stats import bootstrap

from benchmarks.full_errors import KINDS, TRAINING, Known
from benchmarks.kept_errors import load
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
        errors = compared(item, power)
        # candidates that were spared are not among the two best
        whole = np.isfinite(errors).all(axis=1)
        if whole.sum() > 1:
            order = np.argsort(compared(item, 1)[whole].mean(axis=1), kind="stable")[:2]
            best, second = errors[whole][order]
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


def bins_of(times: Array) -> NDArray[np.int64]:
    """The bin of time (n_timesteps,) of each timestep."""
    bins = np.minimum((times - times.min()) * BINS // (np.ptp(times) + 1), BINS - 1)
    found: NDArray[np.int64] = bins.astype(np.int64)
    return found


def spread(differences: Array, times: Array) -> Array:
    """Mean variance (BINS,) of the differences within each bin of time, items weighing alike."""
    scaled = differences / differences.std(axis=1, keepdims=True)
    bins = bins_of(times)
    return np.array([scaled[:, bins == b].var(axis=1, ddof=1).mean() for b in range(BINS)])


def compare_density(items: list[Known], training: list[Known]) -> None:
    """Print the variance of samples that are dense where differences vary, over even ones."""
    differences = best_two(items)
    times = np.array(nested_timesteps(differences.shape[1]), float)
    variance, weight = spread(differences, times), np.bincount(bins_of(times)) / len(times)
    density = weight * np.sqrt(spread(best_two(training), times))
    density /= density.sum()
    even, dense = (float((weight**2 * variance / d).sum()) for d in (weight, density))
    print(f"  samples dense where training scenes vary: {dense / even:.2f} of the variance")


def learned(differences: Array, times: Array) -> Array:
    """Weights (n_timesteps,): mean over variance of the difference in each bin of time."""
    bins = bins_of(times)
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
        ("L2, learned on training", norm, learned(best_two(training), times)),
    ]
    for name, differences, weights in rows:
        ratio = samples_needed(differences, weights) / base
        low, high = bootstrap(
            (ratio,), np.median, n_resamples=2000, method="percentile", rng=0
        ).confidence_interval
        print(f"  {name:<28}{np.median(ratio):6.2f}  ({low:.2f} to {high:.2f})")


def chosen(training: Array, n: int) -> list[int]:
    """Positions of the n timesteps whose mean comes nearest to that of all, one by one."""
    scaled = training / training.std(axis=1, keepdims=True)
    full, total, found = scaled.mean(axis=1), np.zeros(len(scaled)), list[int]()
    for size in range(1, n + 1):
        off = ((total[:, None] + scaled) / size - full[:, None]) ** 2
        cost = off.mean(axis=0)
        cost[found] = np.inf
        found.append(int(cost.argmin()))
        total += scaled[:, found[-1]]
    return found


def compare_chosen(items: list[Known], training: list[Known]) -> None:
    """Print how near chosen pairs of timestep and noise come, over as many first ones."""
    norm, learned_from = best_two(items), best_two(training)
    norm = norm / norm.std(axis=1, keepdims=True)
    full = norm.mean(axis=1)
    for n in (8, 16, 32):
        own = norm[:, chosen(learned_from, n)].mean(axis=1)
        ratio = np.mean((own - full) ** 2) / np.mean((norm[:, :n].mean(axis=1) - full) ** 2)
        print(
            f"  {n:>3} pairs chosen on training scenes: {ratio:.2f} of the error of the first {n}"
        )


def compare_order(items: list[Known]) -> None:
    """Print how much better a prefix of the nested order is than as many random timesteps."""
    norm = best_two(items)
    total, full = norm.shape[1], norm.mean(axis=1)
    for n in (8, 16, 32, 64):
        expected = norm.var(axis=1, ddof=1) * (1 - n / total) / n
        ratio = np.mean((norm[:, :n].mean(axis=1) - full) ** 2 / expected)
        print(f"  first {n:>3} in nested order: {ratio:.2f} of the variance of {n} random ones")


def main() -> None:
    """Compare weightings, densities and orders for each kind of item."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="mini-sd")
    parser.add_argument("--trained-on", help="the model that scored the training scenes")
    options = parser.parse_args()
    source = options.trained_on or options.model
    training = load(source, TRAINING)
    if training is None:
        parser.error(f"there are no errors of {source} on training scenes")
    for kind in KINDS:
        kept = load(options.model, kind)
        if kind in ("2 x 2", TRAINING) or kept is None:
            continue
        print(
            f"{kind}: {len(best_two(kept.items))} of {len(kept.items)} items, whose two best ran "
            f"in full ({len(training.items)} training scenes)"
        )
        compare_weights(kept.items, training.items)
        compare_density(kept.items, training.items)
        compare_chosen(kept.items, training.items)
        compare_order(kept.items)


if __name__ == "__main__":
    main()
