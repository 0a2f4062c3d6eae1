"""Does another choice of noise lower the variance of a comparison between two captions?

    python benchmarks/noise.py [--model mini-sd] [--items 60] [--seeds 16] [--samples 16]

For 2-way items of the mini suite: the mean difference of the two captions' errors over the first
timesteps of the nested order, repeated with many seeds. Printed for each design is its variance
over seeds relative to independent noise, the mean over items with a 95 % bootstrap interval;
lower is better. All designs have standard normal noise at every timestep, so all means estimate
the same number.

- independent: noise of its own for every timestep, the engine's default
- antithetic: timesteps in pairs that follow each other in time, the second with minus the noise
- low-discrepancy: a point of a scrambled Sobol sequence (Owen 1998) for every timestep, through
  the inverse of the normal distribution function
- one for all: the same noise at every timestep
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from full_errors import items_of
from numpy.typing import NDArray
from scipy.stats import bootstrap

Design = Callable[[int, tuple[int, ...], tuple[int, ...]], torch.Tensor]
"""(seed, shape of a latent, timesteps) -> noise (n, *shape)."""


def independent(seed: int, shape: tuple[int, ...], times: tuple[int, ...]) -> torch.Tensor:
    """Noise of its own for every timestep."""
    return torch.randn((len(times), *shape), generator=torch.Generator().manual_seed(seed))


def antithetic(seed: int, shape: tuple[int, ...], times: tuple[int, ...]) -> torch.Tensor:
    """Neighbours in time have opposite noise."""
    half = independent(seed, shape, times[::2])
    noise = torch.empty((len(times), *shape))
    order = np.argsort(times)
    noise[order[::2]], noise[order[1::2]] = half, -half[: len(times) // 2]
    return noise


def low_discrepancy(seed: int, shape: tuple[int, ...], times: tuple[int, ...]) -> torch.Tensor:
    """A point of a scrambled Sobol sequence for every timestep, in order of time."""
    size = int(np.prod(shape))
    engine = torch.quasirandom.SobolEngine(size, scramble=True, seed=seed)
    points = engine.draw(len(times)).clamp(1e-6, 1 - 1e-6)
    noise = torch.empty((len(times), *shape))
    noise[np.argsort(times)] = torch.special.ndtri(points).reshape(len(times), *shape)
    return noise


def one_for_all(seed: int, shape: tuple[int, ...], times: tuple[int, ...]) -> torch.Tensor:
    """The same noise at every timestep."""
    return independent(seed, shape, times[:1]).expand(len(times), *shape)


DESIGNS: dict[str, Design] = {
    "independent": independent,
    "antithetic": antithetic,
    "low-discrepancy": low_discrepancy,
    "one for all": one_for_all,
}


def means(model: Any, count: int, seeds: int) -> dict[str, NDArray[np.float64]]:
    """For each design the mean differences, (n_items, n_seeds)."""
    shape, times = model.parts.latent_shape, model.timesteps
    when = torch.tensor(times)
    owner = torch.arange(len(times)).repeat_interleave(2)
    found = {name: np.empty((count, seeds)) for name in DESIGNS}
    items = list(itertools.islice((i for i in items_of("2-way") if len(i.images) == 1), count))
    for number, item in enumerate(items):
        latent = model.encoders.latent(item.images[0]).expand(len(times), *shape)
        pair = torch.stack([prompt for prompt, _ in model.encoders.prompts(list(item.texts))])
        prompts = pair.repeat(len(times), 1, 1)
        sign = 1.0 if item.gold[0] == 0 else -1.0
        for name, design in DESIGNS.items():
            for seed in range(seeds):
                noise = design(seed, shape, times)
                with torch.inference_mode():
                    errors = model.denoiser.errors(latent, noise, when, prompts, owner)
                first, second = errors.double().reshape(-1, 2).mean(dim=0).tolist()
                found[name][number, seed] = sign * (second - first)
    return found


def main() -> None:
    """Measure and print."""
    from gdbench.models import LoadOptions, load_model

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="mini-sd")
    parser.add_argument("--items", type=int, default=60)
    parser.add_argument("--seeds", type=int, default=16)
    parser.add_argument("--samples", type=int, default=16)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    model = load_model(options.model, LoadOptions(samples=options.samples, normalise=False))
    found = means(model, options.items, options.seeds)
    base = found["independent"].var(axis=1, ddof=1)
    print(f"{options.items} items, {options.seeds} seeds, {options.samples} timesteps")
    rows = {}
    for name, values in found.items():
        ratio = values.var(axis=1, ddof=1) / base.mean()
        low, high = bootstrap(
            (values.var(axis=1, ddof=1), base),
            lambda a, b, axis=-1: a.mean(axis=axis) / b.mean(axis=axis),
            paired=True, vectorized=True, n_resamples=2000, method="percentile", rng=0,
        ).confidence_interval  # fmt: skip
        rows[name] = {"ratio": float(ratio.mean()), "low": float(low), "high": float(high),
                      "mean_difference": float(values.mean())}  # fmt: skip
        print(
            f"  {name:<16}{ratio.mean():6.2f}  ({low:.2f} to {high:.2f})"
            f"   mean difference {values.mean():.3f}"
        )
    if options.json:
        options.json.write_text(json.dumps({**vars(options), "json": "", "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
