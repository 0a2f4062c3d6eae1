"""What each step of the engine gives, one added at a time.

    python -m benchmarks.steps [--shrink 8] [--texts 16] [--samples 4] [--repeats 3]

One image, normalised scores, on the random model of `scaled_model.py`; wall seconds, median of the
repeats, compilation not counted. Every line computes the same scores to 1e-4 (the first one up to
its posterior samples).
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch

from benchmarks.engine import picture
from benchmarks.release_loop import ReleaseLoop
from benchmarks.scaled_model import scaled_sd_folder
from gdbench.models.diffusion_itm.adapter import DiffusionITM
from gdbench.models.diffusion_itm.conditioning import stacked
from gdbench.protocol import Item, Query


def variants(
    model: DiffusionITM, whole: DiffusionITM, one: DiffusionITM, compiled: DiffusionITM, item: Item
) -> dict[str, Callable[[], np.ndarray]]:
    """The same matrix computed with more and more of the engine."""
    noise = torch.stack([model.noise.noise(k, t) for k, t in enumerate(model.timesteps)])
    loop = ReleaseLoop(model.pipeline, noise, model.timesteps)

    def release() -> np.ndarray:
        (matrix,) = loop.matrices([item], normalise=True, batch_size=1)
        return matrix

    def encode_once() -> np.ndarray:
        latent = one.encoders.latent(item.images[0])
        prompts = one.encoders.prompts(["", *item.texts])
        scores = []
        with torch.inference_mode():
            for prompt in prompts[1:]:
                total = 0.0
                for k, t in enumerate(model.timesteps):
                    pair = [
                        one.denoiser.errors(
                            latent[None], noise[k][None], torch.tensor([t]), stacked([p])
                        )
                        for p in (prompt, prompts[0])
                    ]
                    total += float(pair[0] - pair[1])
                scores.append(-total / len(model.timesteps))
        return np.array([scores])

    def engine(which: DiffusionITM) -> Callable[[], np.ndarray]:
        return lambda: next(iter(which.score_items([item]))).matrix

    return {
        "the release's loop, a batch of one": release,
        "+ each image and text encoded once": encode_once,
        "+ unconditional error once per image": engine(one),
        "+ full batches": engine(whole),
        "+ text-independent stem once": engine(model),
        "+ torch.compile (not the default)": engine(compiled),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shrink", type=int, default=8)
    parser.add_argument("--texts", type=int, default=16)
    parser.add_argument("--samples", type=int, default=4)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    folder = scaled_sd_folder(options.shrink)
    compiled = DiffusionITM.from_pretrained(
        folder, samples=options.samples, batch_size=options.batch_size, compile=True
    )
    compiled.score([picture(99).open()], [f"a caption with number {n}" for n in range(2)])
    seconds: dict[str, list[float]] = {}
    for repeat in range(options.repeats):
        models = [
            DiffusionITM.from_pretrained(folder, samples=options.samples, batch_size=size)
            for size in (options.batch_size, options.batch_size, 1)
        ]
        for model in models[1:]:  # the stem is only in the last variants
            model.pipeline.stem.shareable = False  # type: ignore[attr-defined]
        texts = tuple(f"a caption with number {n}" for n in range(options.texts))
        item = Item("steps", (picture(repeat),), texts, Query.ASSOCIATION, (0,), "")
        reference = None
        shared, whole, one = models
        for name, run in variants(shared, whole, one, compiled, item).items():
            start = time.perf_counter()
            matrix = run()
            seconds.setdefault(name, []).append(time.perf_counter() - start)
            if name.startswith("+"):
                reference = matrix if reference is None else reference
                np.testing.assert_allclose(matrix, reference, atol=1e-4)
    first = before = None
    print(f"{'':<40}{'s':>8}{'step':>8}{'in all':>8}")
    for name, runs in seconds.items():
        middle = statistics.median(runs)
        first, before = first or middle, before or middle
        print(f"{name:<40}{middle:8.2f}{before / middle:7.2f}x{first / middle:7.2f}x")
        before = middle


if __name__ == "__main__":
    main()
