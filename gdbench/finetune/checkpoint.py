"""Checkpoints without a pickle: LoRA and optimiser as safetensors, the rest as JSON.

A checkpoint is a folder `step-00000100` that appears complete or not at all.
"""

from __future__ import annotations

import base64
import json
import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from gdbench.errors import InputError
from gdbench.memory import is_out_of_memory
from gdbench.models.lora_file import WEIGHTS, Pair, read_lora, write_lora
from gdbench.store.files import seal, write_atomically

_STATE, _OPTIMISER = "state.json", "optimizer.safetensors"
_SUMS = "SHA256SUMS"


@dataclass
class State:
    """Where a run is, but for weights and optimiser."""

    step: int = 0
    """Optimiser steps done; with the settings it fixes learning rate and next examples."""
    best_step: int | None = None
    best_score: float | None = None
    scaler: dict[str, Any] = field(default_factory=dict)
    """Of the loss in half precision."""
    random_states: list[dict[str, Any]] = field(default_factory=list)
    """One for each process."""


def random_state() -> dict[str, Any]:
    """This process's random states as JSON."""
    version, words, gauss = random.getstate()
    numpy_state: Any = np.random.get_state(legacy=False)  # noqa: NPY002 # libraries may draw from it
    found: dict[str, Any] = {
        "python": [version, list(words), gauss],
        "numpy": [
            numpy_state["bit_generator"],
            numpy_state["state"]["key"].tolist(),
            int(numpy_state["state"]["pos"]),
            int(numpy_state["has_gauss"]),
            float(numpy_state["gauss"]),
        ],
        "torch": _encoded(torch.get_rng_state()),
    }
    if torch.cuda.is_available():
        found["cuda"] = [_encoded(state) for state in torch.cuda.get_rng_state_all()]
    return found


def restore_random_state(found: dict[str, Any]) -> None:
    """Put random states back."""
    version, words, gauss = found["python"]
    random.setstate((version, tuple(words), gauss))
    name, key, pos, has_gauss, cached = found["numpy"]
    np.random.set_state((name, np.array(key, dtype=np.uint32), pos, has_gauss, cached))  # noqa: NPY002 # see above
    torch.set_rng_state(_decoded(found["torch"]))
    if torch.cuda.is_available() and len(found.get("cuda", [])) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all([_decoded(state) for state in found["cuda"]])


def _encoded(state: Tensor) -> str:
    return base64.b64encode(state.cpu().numpy().tobytes()).decode()


def _decoded(text: str) -> Tensor:
    return torch.from_numpy(np.frombuffer(base64.b64decode(text), dtype=np.uint8).copy())


class Checkpoints:
    """The checkpoints of a run, newest kept; `keep` of them."""

    def __init__(self, folder: Path, keep: int = 2) -> None:
        self.folder, self.keep = folder, keep

    def path(self, step: int) -> Path:
        """Folder of the checkpoint after `step` steps."""
        return self.folder / f"step-{step:08d}"

    def steps(self) -> list[int]:
        """Steps of the complete checkpoints, ascending."""
        found = (p.name.removeprefix("step-") for p in self.folder.glob("step-*") if p.is_dir())
        return sorted(int(name) for name in found if name.isdigit())

    @property
    def latest(self) -> Path | None:
        """The newest checkpoint."""
        steps = self.steps()
        return self.path(steps[-1]) if steps else None

    def save(self, state: State, pairs: dict[str, Pair], optimiser: torch.optim.Optimizer) -> Path:
        """Write a checkpoint and remove those that are too many."""
        target = self.path(state.step)
        new = target.with_name(f".new-{target.name}")
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True)
        write_lora(new / WEIGHTS, pairs)
        write_atomically(new / _OPTIMISER, save(_flat(optimiser)))
        write_atomically(new / _STATE, json.dumps(vars(state)).encode())
        write_atomically(new / _SUMS, _sums(new))
        shutil.rmtree(target, ignore_errors=True)
        new.rename(target)
        for step in self.steps()[: -self.keep]:
            shutil.rmtree(self.path(step))
        return target


@contextmanager
def going_on(folder: Path) -> Iterator[None]:
    """Whatever cannot be read in the block, or does not fit, is a damaged checkpoint.

    Raises InputError with one line that names it; exhausted memory passes.
    """
    try:
        yield
    except (
        OSError, ValueError, TypeError, KeyError, RuntimeError, SafetensorError, InputError
    ) as error:  # fmt: skip
        # a whole checkpoint must not be called damaged, and removed
        if is_out_of_memory(error):
            raise
        said = " ".join(str(error).split())[:200]
        raise InputError(
            f"{folder}: damaged checkpoint ({said}); remove it to go on from the one before"
        ) from None


def load(
    folder: Path, optimiser: torch.optim.Optimizer, parameters: list[nn.Parameter]
) -> tuple[State, dict[str, Pair]]:
    """The state and matrices of a checkpoint; the optimiser is filled in place.

    Raises what `going_on` makes one line of where it is damaged.
    """
    sums = folder / _SUMS
    # checkpoints of before have none
    if sums.exists() and sums.read_bytes() != _sums(folder):
        raise ValueError(f"its files do not have the checksums in {_SUMS}")
    state = State(**json.loads((folder / _STATE).read_text(encoding="utf-8")))
    if folder.name != Checkpoints(folder.parent).path(state.step).name:
        raise ValueError(f"it is of step {state.step}")
    moments: dict[int, dict[str, Tensor]] = {}
    for key, tensor in load_file(folder / _OPTIMISER).items():
        number, _, name = key.partition(".")
        moments.setdefault(int(number), {})[name] = tensor
    # in half precision the first steps may all be skipped
    if (moments or not state.scaler) and moments.keys() != set(range(len(parameters))):
        raise ValueError(f"optimiser of {len(moments)} tensors, not {len(parameters)}")
    for place, named in moments.items():
        for name, moment in named.items():
            if moment.ndim and moment.shape != parameters[place].shape:
                raise ValueError(f"{name} of the optimiser has another shape than its parameter")
    current = optimiser.state_dict()
    optimiser.load_state_dict({**current, "state": moments})
    return state, read_lora(folder / WEIGHTS).pairs


def _sums(folder: Path) -> bytes:
    """Checksums of a checkpoint's files, as `sha256sum -c` reads them."""
    paths = [folder / name for name in (WEIGHTS, _OPTIMISER, _STATE)]
    return b"".join(seal(path, path.read_bytes()) for path in paths)


def _flat(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    return {
        f"{number}.{name}": value.detach().cpu().contiguous()
        for number, moments in optimiser.state_dict()["state"].items()
        for name, value in moments.items()
        if isinstance(value, Tensor)
    }
