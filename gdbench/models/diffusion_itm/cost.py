"""What a run will cost, and how well the device is used: measured by short probes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING

import torch

from gdbench.models.device_clock import wait_for
from gdbench.models.diffusion_itm.batching import Evaluation
from gdbench.models.diffusion_itm.prices import flops_of_pass
from gdbench.protocol import Item

if TYPE_CHECKING:
    from gdbench.models.diffusion_itm.adapter import DiffusionITM

_PEAK_SIDE = {"cpu": 1024, "cuda": 8192, "mps": 4096}  # of the matrices that measure the peak


@dataclass(frozen=True)
class Estimate:
    """The cost of scoring some items, on the full budget (a stopping rule needs less)."""

    items: int
    pairs: int
    images: int  # different ones
    texts: int  # different ones
    passes: int  # U-Net sample-evaluations
    batch_size: int
    seconds_per_pass: float  # measured now
    seconds: float
    memory_bytes: int  # weights, caches when full, and one batch
    disk_bytes: int  # the score log before compression

    def as_dict(self) -> dict[str, int | float]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Throughput:
    """How fast the network runs at one batch size."""

    batch_size: int
    seconds_per_pass: float
    passes_per_second: float
    tflops: float  # achieved, 10**12 floating-point operations per second
    share_of_peak: float  # of the matrix products this device does, in 0..1


def seconds(call: Callable[[], object], device: torch.device, repeats: int = 3) -> float:
    """Least time of a call over `repeats`, after one call to warm up."""
    call()
    wait_for(device)
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        wait_for(device)
        times.append(time.perf_counter() - start)
    return min(times)


def _samples(model: DiffusionITM, n: int) -> list[Evaluation]:
    """Evaluations of different pictures: no part of the network is shared between them."""
    prompt = model.encoders.null_prompt()
    generator = torch.Generator().manual_seed(0)
    shape = (n, *model.pipeline.latent_shape)
    latents = torch.randn(shape, generator=generator).to(model.device)
    return [Evaluation(latent, prompt, 0) for latent in latents]


def seconds_per_pass(model: DiffusionITM, batch_size: int | None = None) -> tuple[int, float]:
    """(batch size, seconds for one sample of it), measured on full batches."""
    size = batch_size or model.batcher.size_for(lambda: _samples(model, 1)[0])
    samples = _samples(model, size)
    before = model.batcher.size, model.batcher.evaluations

    def run() -> None:
        model.batcher.run(samples)

    model.batcher.size = size
    try:
        return size, seconds(run, model.device) / size
    finally:
        model.batcher.size, model.batcher.evaluations = before


def estimate(model: DiffusionITM, items: Iterable[Item]) -> Estimate:
    """Passes, time, memory and disk for scoring `items`; reads no picture.

    Pictures are told apart by where they are, not by their content, so the number of passes is an
    upper bound where the same picture lies in two files.
    """
    n = pairs = 0
    images: set[object] = set()
    normalised: set[object] = set()  # pictures whose unconditional errors are needed
    texts: set[str] = set()
    log = 0
    steps = len(model.timesteps)
    for item in items:
        n += 1
        pictures, sentences = set(item.images), set(item.texts)
        images |= pictures
        texts |= sentences
        pairs += len(pictures) * len(sentences)
        subtracts = model.needs_unconditional(item)
        normalised |= pictures if subtracts else set()
        log += 4 * steps * len(item.images) * (len(item.texts) + subtracts)
    passes = steps * (pairs + len(normalised))
    size, each = seconds_per_pass(model)
    side = model.pipeline.resolution
    pixels = torch.zeros(1, 3, side, side, device=model.device)
    per_image = seconds(lambda: model.pipeline.latents(pixels), model.device, 1)
    per_text = seconds(lambda: model.pipeline.condition(["a picture"]), model.device, 1)
    return Estimate(
        items=n,
        pairs=pairs,
        images=len(images),
        texts=len(texts),
        passes=passes,
        batch_size=size,
        seconds_per_pass=each,
        seconds=passes * each + len(images) * per_image + len(texts) * per_text,
        memory_bytes=_memory(model),
        disk_bytes=log,
    )


def _memory(model: DiffusionITM) -> int:
    """Peak of this process or device after the probe, which ran one full batch."""
    from gdbench.environment import peak_device_memory_bytes, peak_memory_bytes

    return peak_device_memory_bytes(str(model.device)) or peak_memory_bytes()


def pass_flops(model: DiffusionITM) -> int:
    """Floating-point operations of one pass of the network on one sample without a caption."""
    return flops_of_pass(model.pipeline, model.encoders.null_prompt())


def peak_flops(device: torch.device, dtype: torch.dtype) -> float:
    """Operations per second of large matrix products on this device.

    The faster of `dtype` and float32: a CPU without half-precision units multiplies matrices in
    float16 far more slowly than it runs a network in it.
    """
    side = _PEAK_SIDE.get(device.type, 1024)
    numbers = torch.randn(side, side, generator=torch.Generator().manual_seed(0)).to(device)
    matrices = [numbers.to(kind) for kind in {dtype, torch.float32}]
    times = [seconds(partial(torch.matmul, m, m), device, 5) for m in matrices]
    return 2.0 * side**3 / min(times)


def throughput(model: DiffusionITM, batch_sizes: Iterable[int]) -> list[Throughput]:
    """Speed of the network at each batch size; sizes that do not fit end the list."""
    work, peak = pass_flops(model), peak_flops(model.device, model.dtype)
    found = []
    for wanted in batch_sizes:
        failures = model.batcher.out_of_memory
        size, each = seconds_per_pass(model, wanted)
        if model.batcher.out_of_memory > failures:
            break
        rate = work / each
        found.append(Throughput(size, each, 1.0 / each, rate / 1e12, rate / peak))
    return found
