"""`gdbench evaluate`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from gdbench.cli import options as o
from gdbench.cli.interruption import goes_on
from gdbench.errors import InputError
from gdbench.progress import waiting
from gdbench.protocol import Item, ITMModel
from gdbench.records import DEFAULT_NOISE, ResultRecord
from gdbench.terminal import Table, line, note, show

Stop = Literal["none", "sequential"]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("evaluate")(goes_on(run))


def run(
    model: o.ModelOption,
    tasks: Annotated[str, typer.Option(help="Names separated by commas, or all.")] = "all",
    suite: Annotated[str, typer.Option(help="full, mini, or a task's variant.")] = "full",
    samples: o.SamplesOption = 50,
    limit: Annotated[
        int | None, typer.Option(help="At most so many items of each sub-task.", min=1)
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Run directory; continued if it exists.")] = None,
    root: o.RootOption = None,
    seed: o.SeedOption = 0,
    noise: o.NoiseOption = DEFAULT_NOISE,
    norm: o.NormOption = "l2",
    no_normalise: o.NoNormaliseOption = False,
    stop: Annotated[
        Stop, typer.Option(help="sequential: stop an item once its decision is certain.")
    ] = "none",
    delta: Annotated[float, typer.Option(help="Error level of sequential stopping.")] = 0.05,
    stop_ranks: Annotated[
        str, typer.Option(help="Ranks that stopping must get right: 1 or 1,5; metrics: as needed.")
    ] = "metrics",
    device: o.DeviceOption = None,
    dtype: o.DtypeOption = None,
    batch_size: o.BatchOption = None,
    compile_model: o.CompileOption = False,
    lora: o.LoraOption = None,
    lora_scale: o.LoraScaleOption = 1.0,
    cache: o.CacheOption = None,
    compat: o.CompatOption = None,
    allow_partial: Annotated[
        bool, typer.Option("--allow-partial", help="Evaluate what is there of a data set.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only estimate the cost.")] = False,
    as_json: o.JsonOption = False,
) -> None:
    """Evaluate a model on tasks and write records and score logs to a run directory."""
    from gdbench.evaluation import evaluate
    from gdbench.models import LoadOptions, load_model
    from gdbench.models.entry import parse_ranks
    from gdbench.tasks import select
    from gdbench.tasks.base import limited

    if not 0 < delta < 1:
        raise InputError(f"--delta must be between 0 and 1, not {delta}")
    chosen = select(tasks, suite)
    loaded = load_model(
        model,
        LoadOptions(
            device=device, dtype=dtype, batch_size=batch_size, seed=seed, noise=noise,
            cache_dir=cache, samples=samples, norm=norm, normalise=not no_normalise, compat=compat,
            stop=stop, delta=delta, stop_ranks=parse_ranks(stop_ranks), compile=compile_model,
            lora=lora, lora_scale=lora_scale,
        ),
    )  # fmt: skip
    if dry_run:
        _dry_run(
            loaded,
            [
                item
                for task in chosen
                for item in limited(
                    task.items(suite, root, compat, allow_partial=allow_partial), limit, seed
                )
            ],
            as_json,
        )
        return
    folder = out or Path("runs") / f"{loaded.card.name}-{suite}"
    with o.item_progress() as progress:
        records = evaluate(
            loaded, chosen, folder, suite=suite, root=root, limit=limit, compat=compat,
            allow_partial=allow_partial, progress=progress,
        )  # fmt: skip
    if as_json:
        typer.echo(json.dumps([r.model_dump(mode="json") for r in records], indent=2))
        return
    print_records(records)
    note(f"Records and scores: {folder}")


def _dry_run(loaded: ITMModel, items: list[Item], as_json: bool) -> None:
    """Print what a run would take, from a probe of a few seconds."""
    from gdbench.models.diffusion_itm.adapter import DiffusionITM
    from gdbench.models.diffusion_itm.cost import estimate

    if not isinstance(loaded, DiffusionITM):
        raise InputError(f"--dry-run estimates diffusion models, and {loaded.card.name} is none")
    with waiting("measuring"):
        cost = estimate(loaded, items)
    if as_json:
        typer.echo(json.dumps(cost.as_dict(), indent=2))
        return
    table = Table(show_header=False)
    table.add_row("items", f"{cost.items:,}")
    table.add_row("image-text pairs", f"{cost.pairs:,}")
    table.add_row("pictures, texts", f"{cost.images:,}, {cost.texts:,}")
    table.add_row("network passes", f"{cost.passes:,}")
    table.add_row("seconds a pass", f"{cost.seconds_per_pass:.3g} (batches of {cost.batch_size})")
    table.add_row("time", f"{cost.seconds / 60:,.1f} minutes")
    table.add_row("memory", f"{cost.memory_bytes / 2**30:.2f} GiB")
    table.add_row("score log, at most", f"{cost.disk_bytes / 2**20:,.1f} MiB")
    show(table)


def print_records(records: list[ResultRecord]) -> None:
    """A table of every metric: value, interval, n, chance, ties."""
    table = Table()
    for name in ("task", "metric"):
        table.add_column(name)
    for name in ("value", "95 % interval", "n", "chance", "ties"):
        table.add_column(name, justify="right")
    for record in records:
        effects = record.task.name == "bias"
        scale, places = (1, 2) if effects else (100, 1)
        for m in record.metrics:
            interval = (
                ""
                if m.low is None or m.high is None
                else f"{scale * m.low:.{places}f} to {scale * m.high:.{places}f}"
            )
            table.add_row(
                record.task.name,
                m.name,
                f"{scale * m.value:.{places}f}",
                interval,
                str(m.n),
                "" if m.chance is None else f"{scale * m.chance:.{places}f}",
                str(m.ties) if m.ties else "",
            )
    show(table)
    for record in records:
        if record.partial:
            line(
                f"{record.task.name}: partial, {record.task.n_items} of "
                f"{record.task.n_expected} items"
            )
        if record.truncated_texts:
            line(f"{record.task.name}: {record.truncated_texts} captions were cut")
    for record in records:
        line(record.signature)
