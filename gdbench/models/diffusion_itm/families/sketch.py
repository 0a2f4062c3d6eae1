"""A pipeline without its weights: what it is, and what a pass of it costs, from JSON alone.

Modules are made on torch's device `meta`, where tensors have shapes and no numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from gdbench.errors import GdbenchError, InputError
from gdbench.models.diffusion_itm.conditioning import stacked
from gdbench.models.diffusion_itm.families import components as parts_of
from gdbench.models.diffusion_itm.families import family_of
from gdbench.models.diffusion_itm.families.base import Pipeline
from gdbench.models.diffusion_itm.families.components import SCHEDULER, Component
from gdbench.models.digests import read_json_object
from gdbench.records import Content, ModelSettings

_META = torch.device("meta")
_UNLIMITED = 10**6  # tokens; tokenizers without a limit name a far larger number


class _Yes(TorchFunctionMode):
    """Answers questions about numbers with yes, where there are none: masks hide nothing."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in (torch.Tensor.item, torch.Tensor.__bool__):
            return True
        return func(*args, **(kwargs or {}))


@dataclass(frozen=True)
class Sketch:
    """What is known of a pipeline that was not loaded; None where it cannot be told."""

    resolution: int | None
    """Side of its pictures in pixels, where no other is asked for."""
    text_length: int | None
    """Tokens that the network sees of a text."""
    parameters: int
    """Of all parts."""
    pass_flops: int | None
    """Floating-point operations of one pass of the network, for one picture and text."""


def sketch(folder: Path, prediction: str | None = None) -> Sketch:
    """What a pipeline's folder is. Raises InputError as loading it would."""
    family = family_of(folder)
    present = family.check_json(folder, prediction)
    modules = {part.name: _made(folder, part) for part in present if part.is_module}
    modules[SCHEDULER] = parts_of.load_component(
        folder, next(part for part in present if part.name == SCHEDULER), torch.float32
    )
    try:
        for part in present:
            if part.is_tokenizer:
                modules[part.name] = parts_of.load_component(folder, part, torch.float32)
    except GdbenchError:
        # on the hub a tokenizer's large files are not fetched for this
        return Sketch(None, None, _parameters(modules), None)
    pipeline = family(
        folder, modules, Content(parts={}), torch.device("cpu"), torch.float32, ModelSettings()
    )
    length = pipeline.max_length if pipeline.max_length < _UNLIMITED else None
    return Sketch(pipeline.resolution, length, pipeline.parameters, _pass_flops(pipeline))


def _made(folder: Path, part: Component) -> Any:
    """A module on `meta`. Raises InputError where its configuration describes none."""
    path = folder / part.name
    kind = parts_of.class_of(path, part)
    try:
        with torch.device(_META), parts_of.quiet():
            if part.library == "diffusers":
                return kind.from_config(read_json_object(path / part.config)).eval()
            config = kind.config_class.from_pretrained(path, local_files_only=True)
            # of a model with two halves, whose first half reads texts
            return kind(getattr(config, "encoder", config)).eval()
    except Exception as error:  # noqa: BLE001 # a stranger's file; the libraries raise anything
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(f"{path}/{part.config} describes no {kind.__name__} ({reason})") from None


def _parameters(modules: dict[str, Any]) -> int:
    trained = [m for m in modules.values() if isinstance(m, torch.nn.Module)]
    return sum(p.numel() for module in trained for p in module.parameters())


def _pass_flops(pipeline: Pipeline) -> int | None:
    """Operations of one pass; None where the network or an encoder reads numbers to know shapes."""
    from torch.utils.flop_counter import FlopCounterMode

    pipeline.device = _META
    try:
        with torch.no_grad(), _Yes():
            prompt = stacked(pipeline.condition(["a picture"]))
            x = torch.empty(1, *pipeline.latent_shape, device=_META)
            times = torch.empty(1, device=_META)
            with FlopCounterMode(display=False) as counter:
                pipeline.predict(x, times, prompt)
    except (GdbenchError, RuntimeError, NotImplementedError, ValueError, TypeError):
        return None
    return int(counter.get_total_flops())
