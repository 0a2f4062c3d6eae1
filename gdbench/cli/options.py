"""Options that several verbs share, and the progress bar."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from gdbench.records import Compat

MODEL_HELP = (
    "Registered name, folder, file.py:Class, clip:ARCH/TAG, hf-hub:OWNER/NAME, "
    "diffusion:OWNER/NAME, or control:KIND:MODEL."
)
ModelOption = Annotated[str, typer.Option("--model", "-m", help=MODEL_HELP)]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON only.")]
SamplesOption = Annotated[
    int, typer.Option(help="Timesteps per image-text pair (diffusion models).", min=1, max=1000)
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
RootOption = Annotated[
    Path | None, typer.Option(help="Folder with the published data (see `gdbench data`).")
]

stderr = Console(stderr=True)


class ItemProgress:
    """A bar for each task, with items done and time left."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._bars: dict[str, TaskID] = {}

    def __call__(self, task: str, done: int, total: int) -> None:
        """Show that `done` of `total` items of a task are scored."""
        if task not in self._bars:
            self._bars[task] = self._progress.add_task(task, total=total, completed=done)
        self._progress.update(self._bars[task], completed=done)


@contextmanager
def item_progress() -> Iterator[ItemProgress]:
    """Progress bars on standard error."""
    with Progress(
        TextColumn("{task.description:<12}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=stderr,
    ) as progress:
        yield ItemProgress(progress)
