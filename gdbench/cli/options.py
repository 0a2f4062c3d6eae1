"""Options that several verbs share, and the progress bars."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer

from gdbench.progress import EvaluationBars, bars
from gdbench.records import Compat, Noise, Norm
from gdbench.terminal import note

MODEL_HELP = (
    "Registered name, folder, file.py:Class, clip:ARCH/TAG, hf-hub:OWNER/NAME, "
    "diffusion:OWNER/NAME, or control:KIND:MODEL."
)
ModelOption = Annotated[str, typer.Option("--model", "-m", help=MODEL_HELP)]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON only.")]
SamplesOption = Annotated[
    int, typer.Option(help="Timesteps per image-text pair (diffusion models).", min=1, max=1000)
]
NoiseOption = Annotated[
    Noise, typer.Option(help="antithetic: opposite at timesteps 128 apart, or independent.")
]
SeedOption = Annotated[int, typer.Option(help="Seed of noise, limits and resampling.", min=0)]
DeviceOption = Annotated[
    str | None, typer.Option(help="cpu, cuda, cuda:1, mps; default: the best there is.")
]
DtypeOption = Annotated[
    Literal["float32", "float16", "bfloat16"] | None,
    typer.Option(help="Precision of the network; default: chosen for the device."),
]
BatchOption = Annotated[
    int | None, typer.Option(help="Network batch size; default: from free memory.", min=1)
]
CompatOption = Annotated[
    Compat | None,
    typer.Option(help="diffusion-itm-2023: items, grid, ties and denominators of the release."),
]
LoraOption = Annotated[str | None, typer.Option(help="LoRA file or folder for the U-Net.")]
LoraScaleOption = Annotated[float, typer.Option(help="Scale of the LoRA.")]
NormOption = Annotated[Norm, typer.Option(help="l2 (as in the paper's code) or mse.")]
NoNormaliseOption = Annotated[
    bool, typer.Option("--no-normalise", help="Do not subtract the unconditional error.")
]
CompileOption = Annotated[bool, typer.Option("--compile", help="torch.compile.")]
CacheOption = Annotated[Path | None, typer.Option(help="Cache of latents and errors.")]
RootOption = Annotated[
    Path | None, typer.Option(help="Folder with the published data (see `gdbench data`).")
]


@contextmanager
def item_progress() -> Iterator[EvaluationBars]:
    """A bar for each task on standard error, with items done and time left."""
    with bars() as display:
        yield EvaluationBars(display)


def warn(lines: Iterable[str]) -> None:
    """A line each on standard error; the command goes on."""
    for line in lines:
        note(f"warning: {line}")
