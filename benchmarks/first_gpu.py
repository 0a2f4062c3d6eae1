"""What to check and measure in ten minutes the first time somebody has a GPU.

    python -m benchmarks.first_gpu [--mini] [--out FILE] [--only facts,precision] [--budget 570]

Each step prints one line of JSON and never stops the next. The order is: cheap facts, correctness,
memory, speed, whole runs, and compiling last, which may take minutes. With --mini everything runs
on a CPU with the bundled model in place of one of Stable Diffusion 2.1's shape. docs/gpu.md says
what has been measured where; please send yours.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gdbench.models import load_model
from gdbench.models.conformance import check
from gdbench.models.devices import choose_device
from gdbench.models.diffusion_itm.adapter import DiffusionITM
from gdbench.models.diffusion_itm.batching import Evaluation
from gdbench.models.diffusion_itm.cost import pass_flops, peak_flops, seconds
from gdbench.models.diffusion_itm.families.channels_last import placed
from gdbench.models.diffusion_itm.families.sd import StableDiffusion
from gdbench.protocol import Item, ModelCard
from gdbench.records import Content, ModelSettings
from gdbench.run import Where
from gdbench.tasks import TASKS

DTYPES = ("float32", "float16", "bfloat16")
SAMPLES = 8


def questions(name: str, count: int) -> list[Item]:
    """The first items of a task of the mini suite."""
    return list(islice(TASKS.get(name).items("mini"), count))


def answers(model: Any, items: Sequence[Item]) -> tuple[np.ndarray, list[np.ndarray]]:
    """All errors in one row, and the matrices."""
    scores = list(model.score_items(items))
    return np.concatenate([s.errors.ravel() for s in scores]), [s.matrix for s in scores]


def apart(found: np.ndarray, reference: np.ndarray) -> float:
    """Largest relative difference."""
    return float(np.abs(found / reference - 1).max())


class Steps:
    """The steps, by name; each returns what its line says."""

    def __init__(self, device: torch.device, *, mini: bool) -> None:
        self.device, self.mini = device, mini
        self.cuda = device.type == "cuda"

    def load(self, dtype: str = "float32", batch_size: int = 16, **options: Any) -> Any:
        """The bundled model on the device."""
        return load_model(
            "mini-sd", device=str(self.device), dtype=dtype, samples=SAMPLES,
            batch_size=batch_size, **options,
        )  # fmt: skip

    def facts(self) -> dict[str, Any]:
        """Versions, settings of the arithmetic, the device."""
        products = torch.backends.cuda.matmul
        found: dict[str, Any] = {
            "torch": torch.__version__,
            "cuda": torch.version.cuda,
            "cudnn": torch.backends.cudnn.version(),  # type: ignore[no-untyped-call] # torch's own
            "tf32": [torch.backends.cudnn.allow_tf32, products.allow_tf32],
            "reduced": products.allow_fp16_reduced_precision_reduction,
        }
        if self.cuda:
            of = torch.cuda.get_device_properties(self.device)
            found |= {"gpu": of.name, "bytes": of.total_memory, "units": of.multi_processor_count}
        return found

    def precision(self) -> dict[str, Any]:
        """The device in every precision against the CPU in float32."""
        found = {}
        for name in ("winoground", "aro"):
            items = questions(name, 4)
            exact = load_model("mini-sd", device="cpu", samples=SAMPLES, batch_size=16)
            errors, matrices = answers(exact, items)
            for dtype in DTYPES:
                rough, others = answers(self.load(dtype), items)
                pairs = list(zip(matrices, others, strict=True))
                found[f"{name} {dtype}"] = {
                    "errors": apart(rough, errors),
                    "scores": max(float(np.abs(a - b).max()) for a, b in pairs),
                    "decisions changed": sum((a.argmax(1) != b.argmax(1)).any() for a, b in pairs),
                }
        return found

    def repeats(self) -> dict[str, Any]:
        """The same again, in another order, in other batch sizes."""
        items = questions("winoground", 4)
        found = {}
        for dtype in ("float32", "float16"):
            first, matrices = answers(self.load(dtype), items)
            turned = answers(self.load(dtype), items[::-1])[1][::-1]
            found[dtype] = {
                "again": float(np.abs(answers(self.load(dtype), items)[0] - first).max()),
                "other order": max(
                    float(np.abs(a - b).max()) for a, b in zip(matrices, turned, strict=True)
                ),
                **{
                    f"batch {size}": apart(answers(self.load(dtype, size), items)[0], first)
                    for size in (1, 64)
                },
            }
        return found

    def clip(self) -> dict[str, Any]:
        """The dual encoder in every precision."""
        items = questions("winoground", 10)
        found: dict[str, Any] = {}
        reference: list[np.ndarray] = []
        for dtype in DTYPES:
            model: Any = load_model("mini-clip", device=str(self.device), dtype=dtype)
            matrices = [s.matrix for s in model.score_items(items)]
            reference = reference or matrices
            pairs = zip(matrices, reference, strict=True)
            found[dtype] = max(float(np.abs(a - b).max()) for a, b in pairs)
        return found

    def conformance(self) -> dict[str, Any]:
        """What `gdbench check-model` finds wrong, in every precision."""
        return {
            dtype: [c.name for c in check(self.load(dtype)) if not c.passed]
            for dtype in (DTYPES if self.cuda else DTYPES[:1])
        }

    @cached_property
    def large(self) -> DiffusionITM:
        """Stable Diffusion 2.1's shape with random weights, made on the device; no download."""
        small: Any = load_model("mini-sd", device="cpu", samples=1)
        if self.mini:
            return self.load()  # type: ignore[no-any-return] # a DiffusionITM
        from benchmarks import sd21

        torch.manual_seed(0)
        with torch.device(self.device):
            unet, vae, text = sd21.unet(), sd21.vae(), sd21.text_encoder()
        for module in (unet, vae, text):
            module.eval().requires_grad_(requires_grad=False)
        unet = placed(unet.to(torch.float16), self.device, torch.float16)
        modules = small.pipeline.modules | {
            "unet": unet,
            "vae": vae,
            "text_encoder": text,
        }
        content = Content(parts={"network": "0" * 64, "vae": "0" * 64, "vae_config": "0" * 64})
        pipeline = StableDiffusion(
            small.pipeline.folder, modules, content, self.device, torch.float16, ModelSettings()
        )
        return DiffusionITM(pipeline, ModelCard(name="sd21-random"), ModelSettings(), Where())

    def evaluations(self, count: int, pictures: int | None = None) -> list[Evaluation]:
        """Evaluations of the large model, of so many different pictures."""
        model = self.large
        prompt = model.encoders.null_prompt()
        different = pictures or count
        latents = torch.randn(different, *model.pipeline.latent_shape, device=self.device)
        return [Evaluation(latents[i * different // count], prompt, 0) for i in range(count)]

    def memory(self) -> dict[str, Any]:
        """The batch size from free memory, and what such a batch takes."""
        model = self.large
        size = model.batcher.size_for(lambda: self.evaluations(1)[0])
        found: dict[str, Any] = {"batch size": size}
        if self.cuda:
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(self.device)
            before = torch.cuda.memory_allocated(self.device)
            model.batcher.run(self.evaluations(size))
            peak = torch.cuda.max_memory_allocated(self.device)
            found |= {"weights": before, "peak": peak, "MiB each": (peak - before) / size / 2**20}
        return found

    def exhausted(self) -> dict[str, Any]:
        """A real lack of memory: the batch is halved, memory is given back, the numbers stay."""
        if not self.cuda:
            return {"not run": "no CUDA device"}
        model, evaluations = self.large, self.evaluations(128)
        free = torch.cuda.mem_get_info(self.device)[0]
        held = torch.empty(max(0, free - 4 * 2**30), dtype=torch.uint8, device=self.device)
        model.batcher.size = 128
        small = model.batcher.run(evaluations)
        found = {"ended at": model.batcher.size, "halved": model.batcher.out_of_memory}
        del held
        torch.cuda.empty_cache()
        model.batcher.size = 128
        return found | {"against whole batches": apart(small, model.batcher.run(evaluations))}

    def speed(self) -> dict[str, Any]:
        """Passes per second by batch size, for one picture and for all different ones."""
        model = self.large
        found: dict[str, Any] = {
            "GFLOP a pass": pass_flops(model) / 1e9,
            "peak TFLOP/s": peak_flops(self.device, model.dtype) / 1e12,
        }
        for size in (1, 8, 16, 32, 64, 128) if self.cuda else (4, 16):
            for pictures in {1, size}:
                evaluations = self.evaluations(size, pictures)
                model.batcher.size = size
                each = seconds(lambda e=evaluations: model.batcher.run(e), self.device, 2) / size  # type: ignore[misc] # bound at once
                found[f"batch {size}, {pictures} pictures"] = round(1 / each, 1)
        model.batcher.size = None
        return found

    def stem(self) -> dict[str, Any]:
        """Milliseconds of a batch by the size of the stem's groups, two texts for an image."""
        model, size = self.large, 64 if self.cuda else 8
        stem, found = model.pipeline.stem, {}  # type: ignore[attr-defined] # of a U-Net
        chosen, evaluations = stem.stem_batch, self.evaluations(size, size // 2)
        model.batcher.size = size
        for group in (4, 8, 16, 32) if self.cuda else (2, 4):
            stem.stem_batch = group
            each = seconds(lambda: model.batcher.run(evaluations), self.device, 2)
            found[f"groups of {group}"] = 1e3 * each
        stem.stem_batch, model.batcher.size = chosen, None
        return found

    def encoders(self) -> dict[str, Any]:
        """Milliseconds for a picture and a text, alone and in batches."""
        pipeline = self.large.pipeline
        found: dict[str, Any] = {}
        for count in (1, 8, 32) if self.cuda else (1, 4):
            side = pipeline.resolution
            pixels = torch.randn(count, 3, side, side, device=self.device)
            texts = [f"a picture of {n} things" for n in range(count)]
            runs: dict[str, Callable[[], object]] = {
                "picture": lambda p=pixels: pipeline.latents(p),  # type: ignore[misc] # bound at once
                "text": lambda t=texts: pipeline.condition(t),  # type: ignore[misc] # as above
            }
            for what, run in runs.items():
                found[f"{what}, {count} at once"] = 1e3 * seconds(run, self.device, 2) / count
        return found

    def runs(self) -> dict[str, Any]:
        """Whole items of three tasks: passes per second, and the device's share of the time."""
        model, found = self.large, {}
        for name, count in (("winoground", 6), ("aro", 12), ("flickr30k", 3)):
            items = questions(name, count if self.cuda else 2)
            spent, busy, start = model.unet_evaluations, model.device_seconds, time.perf_counter()
            list(model.score_items(items))
            wall = time.perf_counter() - start
            found[name] = {
                "passes per second": (model.unet_evaluations - spent) / wall,
                "device share": (model.device_seconds - busy) / wall,
            }
        return found

    def compiled(self) -> dict[str, Any]:
        """Seconds to compile, passes per second, errors against the network as it is."""
        model, size = self.large, 64 if self.cuda else 4
        evaluations = self.evaluations(size)
        model.batcher.size = size
        plain = model.batcher.run(evaluations)
        model.pipeline.compile()
        start = time.perf_counter()
        first = model.batcher.run(evaluations)
        took = time.perf_counter() - start
        each = seconds(lambda: model.batcher.run(evaluations), self.device) / size
        return {"compile s": took, "passes per second": 1 / each, "errors": apart(first, plain)}


ORDER = (
    "facts", "precision", "repeats", "clip", "conformance", "memory", "exhausted", "speed", "stem",
    "encoders", "runs", "compiled",
)  # fmt: skip
_TAKES = {
    "memory": 40,
    "exhausted": 20,
    "speed": 60,
    "stem": 20,
    "encoders": 30,
    "runs": 60,
    "compiled": 150,
}
_REASON_LENGTH = 400


def main() -> None:
    """Run the steps that fit into the time, one JSON line each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mini", action="store_true", help="on the CPU, with the bundled model")
    parser.add_argument("--out", type=Path, help="append the lines to a file too")
    parser.add_argument("--only", help="steps, comma between")
    parser.add_argument("--budget", type=float, default=570, help="seconds for all steps")
    options = parser.parse_args()
    start = time.perf_counter()
    steps = Steps(choose_device("cpu" if options.mini else None), mini=options.mini)
    for name in options.only.split(",") if options.only else ORDER:
        begun = time.perf_counter()
        line: dict[str, Any] = {"step": name}
        if begun - start > options.budget - _TAKES.get(name, 10):
            line["not run"] = "no time left"
        else:
            try:
                line |= getattr(steps, name)()
            except Exception as error:  # noqa: BLE001 # the next step has to run
                line["error"] = f"{type(error).__name__}: {error}"[:_REASON_LENGTH]
        line["seconds"] = round(time.perf_counter() - begun, 1)
        text = json.dumps(line, default=float)
        print(text, flush=True)
        if options.out is not None:
            with options.out.open("a", encoding="utf-8") as file:
                file.write(text + "\n")
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


if __name__ == "__main__":
    main()
