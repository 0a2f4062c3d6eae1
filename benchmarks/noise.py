"""Does another choice of noise lower the variance of a comparison between two captions?

    python -m benchmarks.noise [--model mini-sd] [--items 32] [--seeds 10] [--samples 64]

For 2-way items of the mini suite: the mean difference of the two captions' errors over the first
n timesteps of the nested order, repeated with many seeds. Two numbers are printed for each design
and n, each relative to independent noise, with a 95 % bootstrap interval over items; lower is
better: the variance over seeds, and the mean squared distance from the mean over all designs and
seeds at the most timesteps, which holds the error from the choice of timesteps too. All designs
have standard normal noise at every timestep, so all means estimate the same number.

- independent: noise of its own for every timestep
- antithetic, d apart: timesteps t and t + d have opposite noise, whatever the budget
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
from numpy.typing import NDArray
from scipy.stats import bootstrap

from benchmarks.full_errors import items_of
from gdbench.models.diffusion_itm.conditioning import stacked
from gdbench.models.diffusion_itm.schedule import AntitheticNoise, IndependentNoise, NoiseSource

Shape = tuple[int, int, int]
Design = Callable[[int, Shape, tuple[int, ...]], torch.Tensor]
"""(seed, shape of a latent, timesteps) -> noise (n, *shape)."""
Array = NDArray[np.float64]


def drawn(source: NoiseSource, times: tuple[int, ...]) -> torch.Tensor:
    """The noise of all timesteps."""
    return torch.stack([source.noise(k, t) for k, t in enumerate(times)])


def independent(seed: int, shape: Shape, times: tuple[int, ...]) -> torch.Tensor:
    """Noise of its own for every timestep."""
    return drawn(IndependentNoise(shape, seed), times)


def antithetic(apart: int) -> Design:
    """Opposite noise for timesteps that are so far apart."""
    return lambda seed, shape, times: drawn(AntitheticNoise(shape, seed, apart), times)


def low_discrepancy(seed: int, shape: Shape, times: tuple[int, ...]) -> torch.Tensor:
    """A point of a scrambled Sobol sequence for every timestep, in order of time."""
    engine = torch.quasirandom.SobolEngine(int(np.prod(shape)), scramble=True, seed=seed)  # type: ignore[no-untyped-call]
    points = engine.draw(len(times)).clamp(1e-6, 1 - 1e-6)
    noise = torch.empty((len(times), *shape))
    noise[np.argsort(times)] = torch.special.ndtri(points).reshape(len(times), *shape)
    return noise


def one_for_all(seed: int, shape: Shape, times: tuple[int, ...]) -> torch.Tensor:
    """The same noise at every timestep."""
    return independent(seed, shape, times[:1]).expand(len(times), *shape)


DESIGNS: dict[str, Design] = {
    "independent": independent,
    "antithetic, 128 apart": antithetic(128),
    "antithetic, 64 apart": antithetic(64),
    "antithetic, 32 apart": antithetic(32),
    "low-discrepancy": low_discrepancy,
    "one for all": one_for_all,
}


def differences(model: Any, design: Design, count: int, seeds: int) -> Array:
    """Errors of the wrong caption less those of the right one, (n_items, n_seeds, n_samples)."""
    shape, times = model.pipeline.latent_shape, model.timesteps
    when = torch.tensor(times)
    owner = torch.arange(len(times)).repeat_interleave(2)
    items = list(itertools.islice((i for i in items_of("2-way") if len(i.images) == 1), count))
    found = np.empty((count, seeds, len(times)))
    for number, item in enumerate(items):
        latent = model.encoders.latent(item.images[0]).expand(len(times), *shape)
        pair = stacked(model.encoders.prompts(list(item.texts)))
        prompts = {name: torch.cat([tensor] * len(times)) for name, tensor in pair.items()}
        sign = 1.0 if item.gold[0] == 0 else -1.0
        for seed in range(seeds):
            noise = design(seed, shape, times)
            with torch.inference_mode():
                errors = model.denoiser.errors(latent, noise, when, prompts, owner)
            first, second = errors.double().reshape(-1, 2).numpy().T
            found[number, seed] = sign * (second - first)
    return found


def relative(values: Array, base: Array) -> tuple[float, float, float]:
    """Ratio of the means over items and its bootstrap interval."""
    interval = bootstrap(
        (values, base),
        lambda a, b, axis=-1: a.mean(axis=axis) / b.mean(axis=axis),
        paired=True, vectorized=True, n_resamples=2000, method="percentile", rng=0,
    ).confidence_interval  # fmt: skip
    return float(values.mean() / base.mean()), float(interval.low), float(interval.high)


def main() -> None:
    """Measure and print."""
    from gdbench.models import load_model

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="mini-sd")
    parser.add_argument("--items", type=int, default=32)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--samples", type=int, default=64)
    parser.add_argument("--only", action="append", choices=list(DESIGNS)[1:])
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    model = load_model(options.model, samples=options.samples, normalise=False)
    chosen = ["independent", *(options.only or list(DESIGNS)[1:])]
    found = {
        name: differences(model, DESIGNS[name], options.items, options.seeds) for name in chosen
    }
    truth = np.mean([values.mean(axis=(1, 2)) for values in found.values()], axis=0)[:, None]
    print(f"{options.model}: {options.items} items, {options.seeds} seeds")
    rows = []
    for n in (n for n in (8, 10, 16, 32, 64) if n <= options.samples):
        means = {name: values[..., :n].mean(axis=-1) for name, values in found.items()}
        spread = {name: value.var(axis=1, ddof=1) for name, value in means.items()}
        total = {name: ((value - truth) ** 2).mean(axis=1) for name, value in means.items()}
        for name in chosen[1:]:
            of_noise = relative(spread[name], spread["independent"])
            in_all = relative(total[name], total["independent"])
            rows.append({"n": n, "design": name, "variance": of_noise, "squared_error": in_all})
            shown = "   ".join(
                f"{r:5.2f} ({low:.2f} to {high:.2f})" for r, low, high in (of_noise, in_all)
            )
            print(f"  first {n:>3}  {name:<22}{shown}")
    if options.json:
        about = {"model": options.model, "items": options.items, "seeds": options.seeds}
        options.json.write_text(json.dumps({**about, "rows": rows}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
