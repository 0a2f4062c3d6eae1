"""`gdbench bench`: how fast a diffusion model runs on this machine."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated, Any

import typer

from gdbench.cli import options as o
from gdbench.errors import InputError
from gdbench.progress import waiting
from gdbench.records import ModelSettings
from gdbench.run import ModelRequest, Where
from gdbench.terminal import Table, line, show

_SIZES = (1, 2, 4, 8, 16, 32, 64, 128)


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("bench")(run)


@o.generated(
    options={
        **o.fields(ModelRequest, "model", "lora"),
        **o.fields(ModelSettings, "dtype", "lora_scale"),
        **o.fields(Where, "device", "compile"),
    }
)
def run(
    options: dict[str, Any],
    largest: Annotated[int, typer.Option(help="Largest batch size to try.", min=1)] = 32,
    as_json: o.JsonOption = False,
) -> None:
    """Network passes per second at several batch sizes, and the share of the device's peak."""
    from gdbench.models import load_request
    from gdbench.models.diffusion_itm.adapter import DiffusionITM
    from gdbench.models.diffusion_itm.cost import pass_flops, peak_flops, throughput
    from gdbench.run import asked

    loaded = load_request(*asked(**options))
    if not isinstance(loaded, DiffusionITM):
        raise InputError(
            f"--model {options['model']}: bench measures diffusion models (try mini-sd)"
        )
    sizes = [size for size in _SIZES if size <= largest]
    with waiting("measuring"):
        rows = throughput(loaded, sizes)
        work, peak = pass_flops(loaded), peak_flops(loaded.device, loaded.dtype)
    name = str(loaded.dtype).removeprefix("torch.")
    if as_json:
        typer.echo(
            json.dumps(
                {
                    "model": loaded.card.name,
                    "device": str(loaded.device),
                    "dtype": name,
                    "gflop_per_pass": work / 1e9,
                    "peak_tflops": peak / 1e12,
                    "throughput": [asdict(row) for row in rows],
                }
            )
        )
        return
    table = Table()
    for column in ("batch", "passes/s", "ms per pass", "GFLOP/s", "of peak"):
        table.add_column(column, justify="right")
    for row in rows:
        table.add_row(
            str(row.batch_size), f"{row.passes_per_second:.1f}",
            f"{1000 * row.seconds_per_pass:.2f}", f"{1000 * row.tflops:.1f}",
            f"{100 * row.share_of_peak:.0f} %",
        )  # fmt: skip
    show(table)
    line(
        f"{loaded.card.name} on {loaded.device}, {name}: {work / 1e9:.2f} GFLOP per pass; "
        f"matrix products reach {peak / 1e9:.0f} GFLOP/s here"
    )
