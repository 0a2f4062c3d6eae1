"""Passes a second of every family beside Stable Diffusion's, at an equal number of operations.

    python -m benchmarks.families [--gflop 0.5] [--rounds 3] [--batch-size 8] [--json FILE]

Every network is random, in its public class, and wide and deep enough that one pass on one sample
takes about `--gflop` thousand million floating-point operations (counted, not estimated). Latents
have 32 x 32 places, or 16 x 16 where patches are single latents, and texts the tests' lengths. All
are measured in one process, one after the other, in several rounds, in seconds of the processor;
what is told of each is the median over the rounds of its passes a second divided by those of Stable
Diffusion in that round, with both scaled to equal operations.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from dataclasses import asdict, dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from gdbench.models.diffusion_itm.adapter import DiffusionITM
from gdbench.models.diffusion_itm.cost import pass_flops, seconds_per_pass
from gdbench.models.diffusion_itm.families import family_of
from gdbench.models.diffusion_itm.families.components import quiet

# the tests' tiny pipelines of every family, which have no type information
_EVERY = import_module("tests.models.diffusion_itm.families.every")
MAKERS: dict[str, Any] = _EVERY.MAKERS
_FIRST = "StableDiffusionPipeline"
_LATENTS = 32  # of a side
_UNETS = frozenset({_FIRST, "LatentConsistencyModelPipeline", "StableDiffusionXLPipeline"})
_PATCHLESS = frozenset({
    "Flux2KleinPipeline", "Flux2Pipeline", "HunyuanImagePipeline", "QwenImage21Pipeline",
    "ErnieImagePipeline",
})  # fmt: skip
"""A latent of theirs is a token."""
_GIGA = 10**9
_WIDER: dict[str, dict[str, Any]] = {
    "StableDiffusion3Pipeline": {"num_attention_heads": 16, "caption_projection_dim": 128},
    "AuraFlowPipeline": {
        "num_attention_heads": 16, "caption_projection_dim": 128, "pos_embed_max_size": 256,
    },
    # a third of the width for each of three embeddings
    "PixArtAlphaPipeline": {"num_attention_heads": 15, "cross_attention_dim": 120},
    "PixArtSigmaPipeline": {"num_attention_heads": 15, "cross_attention_dim": 120},
    "SanaPipeline": {
        "num_attention_heads": 16, "num_cross_attention_heads": 16, "cross_attention_dim": 128,
        "patch_size": 2,
    },
    "Lumina2Pipeline": {
        "hidden_size": 128, "num_attention_heads": 16, "num_kv_heads": 8,
        "axes_lens": (300, 16, 16),
    },
    "HunyuanDiTPipeline": {"num_attention_heads": 8, "hidden_size": 128},
    "ZImagePipeline": {"dim": 128, "n_heads": 8, "n_kv_heads": 8},
    "HiDreamImagePipeline": {"num_attention_heads": 16, "max_resolution": (32, 32)},
    "Krea2Pipeline": {"num_attention_heads": 8, "num_key_value_heads": 8, "intermediate_size": 512},
    "PRXPipeline": {"hidden_size": 128, "num_heads": 8},
    "CogView3PlusPipeline": {"num_attention_heads": 16},
    "CogView4Pipeline": {"num_attention_heads": 16},
    "ErnieImagePipeline": {"hidden_size": 128, "num_attention_heads": 8, "ffn_hidden_size": 512},
}  # fmt: skip
"""What makes a transformer of the tests about 128 wide, where it is not the number of heads."""
_HEADS = {"num_attention_heads": 8}
_DEPTHS = ("num_layers", "num_mmdit_layers", "num_single_layers", "num_single_dit_layers",
           "n_layers", "depth")  # fmt: skip


@dataclass(frozen=True)
class Measured:
    """One family in one run."""

    pipeline: str
    parameters: int
    """Of the network."""
    gflop: float
    """Of one pass on one sample."""
    passes_per_second: float
    """Median over the rounds."""
    beside_sd: float
    """Operations a second as a multiple of Stable Diffusion's: median over the rounds."""


def grown(old: Any, name: str, size: int) -> Any:
    """A random network of the same class: a U-Net that is 4 `size` wide, or `size` blocks deep."""
    config = {key: value for key, value in old.config.items() if not key.startswith("_")}
    if name in _UNETS:
        config["block_out_channels"] = (4 * size, 8 * size)
    else:
        config |= _WIDER.get(name, _HEADS)
        config |= {key: size for key in _DEPTHS if config.get(key)}
    if name == "HunyuanDiTPipeline":
        # the second half of its blocks is given what the first half made
        config["num_layers"] = 2 * size + 2
    if name == "HiDreamImagePipeline":
        # every block is given a layer of the language model
        config["llama_layers"] = [k % 2 for k in range(2 * size)]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        # as the class makes them: smaller weights would end in denormal numbers, which are slow
        new = type(old).from_config(config)
    return new.eval().requires_grad_(requires_grad=False)


def loaded(name: str, folder: Path, batch_size: int) -> DiffusionITM:
    """The engine around the tests' pipeline."""
    place = folder / name
    pipe = MAKERS[name]()
    if name not in _UNETS:
        # with places for as many latents
        pipe.transformer = grown(pipe.transformer, name, 1)
    _EVERY.save(pipe, place)
    family = family_of(place)
    options: dict[str, Any] = {"max_length": 64} if "max_length" in family.uses else {}
    if hasattr(family, "instruction") or name in {"Krea2Pipeline", "Flux2Pipeline"}:
        # room for what the pipeline puts before a caption
        options["max_length"] = 256
    if name == "HiDreamImagePipeline":
        # its CLIP of the tests has so many places
        options["max_length"] = 16
    make = partial(
        DiffusionITM.from_pretrained, place, samples=4, device="cpu", batch_size=batch_size
    )
    factor = make(resolution=64, **options).pipeline.vae_factor
    side = _LATENTS // 2 if name in _PATCHLESS else _LATENTS
    return make(resolution=side * factor, **options)


def resize(model: DiffusionITM, name: str, target: float) -> None:
    """Give the engine the network whose operations are nearest to `target`."""
    original, size, tried = model.pipeline.network, 1, {}
    while size not in tried:
        model.pipeline.network = grown(original, name, size)
        model.pipeline.__dict__.pop("stem", None)
        tried[size] = pass_flops(model)
        first = min(tried)
        # a U-Net grows with the square of its width, a transformer by equal blocks
        power = 0.5 if name in _UNETS else 1.0
        last = max(tried)
        step = (tried[last] - tried[first]) / max(1, last - first)
        size = (
            max(1, round(last * (target / tried[last]) ** power))
            if name in _UNETS or not step
            else max(1, round(last + (target - tried[last]) / step))
        )
        if len(tried) == 1:
            size = max(2, size)
    best = min(tried, key=lambda size: abs(tried[size] - target))
    model.pipeline.network = grown(original, name, best)
    model.pipeline.__dict__.pop("stem", None)


def rate(model: DiffusionITM, batch_size: int) -> float:
    """Passes a second of this processor, which other programs disturb less than the clock."""
    before, start = model.batcher.evaluations, time.process_time()
    done: list[int] = []
    model.batcher.progress = done.append
    try:
        seconds_per_pass(model, batch_size)
    finally:
        model.batcher.progress = None
    return (done[-1] - before) / (time.process_time() - start)


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gflop", type=float, default=0.5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--only", action="append", help="class of a pipeline; default: all")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    names = [_FIRST, *(n for n in options.only or MAKERS if n != _FIRST)]
    with tempfile.TemporaryDirectory() as folder, quiet():
        models = {name: loaded(name, Path(folder), options.batch_size) for name in names}
        for name, model in models.items():
            resize(model, name, options.gflop * _GIGA)
        work = {name: pass_flops(model) for name, model in models.items()}
        rates: dict[str, list[float]] = {name: [] for name in names}
        for _ in range(options.rounds):
            for name, model in models.items():
                rates[name].append(rate(model, options.batch_size))
    found = [
        Measured(
            name,
            sum(p.numel() for p in models[name].pipeline.network.parameters()),
            work[name] / _GIGA,
            statistics.median(rates[name]),
            statistics.median(
                own * work[name] / (sd * work[_FIRST])
                for own, sd in zip(rates[name], rates[_FIRST], strict=True)
            ),
        )
        for name in names
    ]
    table = Table("pipeline", "parameters", "GFLOP", "passes/s", "beside SD", box=None)
    for one in found:
        table.add_row(
            one.pipeline, f"{one.parameters / 1e6:.2f}M", f"{one.gflop:.2f}",
            f"{one.passes_per_second:.1f}", f"{one.beside_sd:.2f}",
        )  # fmt: skip
    Console(width=100).print(table)
    if options.json:
        result = {"options": {k: str(v) for k, v in vars(options).items()},
                  "threads": torch.get_num_threads(),
                  "families": [asdict(one) for one in found]}  # fmt: skip
        options.json.write_text(json.dumps(result, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
