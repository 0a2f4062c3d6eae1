"""`gdbench evaluate`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from gdbench.cli import options as o
from gdbench.cli.interruption import goes_on
from gdbench.errors import InputError
from gdbench.numbers import interval_text, value_text
from gdbench.progress import waiting
from gdbench.protocol import Item, ITMModel
from gdbench.records import ResultRecord
from gdbench.terminal import Table, kept_for_the_answer, line, note, show


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("evaluate")(goes_on(run))


@o.generated(options=o.MODEL, conditions=o.CONDITIONS)
def run(
    options: dict[str, Any],
    conditions: dict[str, Any],
    tasks: Annotated[str, typer.Option(help="Names separated by commas, or all.")] = "all",
    out: Annotated[
        Path | None, typer.Option(help="Run directory; continued, or extended, if it exists.")
    ] = None,
    root: o.RootOption = None,
    allow_partial: Annotated[
        bool, typer.Option("--allow-partial", help="Leave out what is missing of a data set.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only estimate the cost.")] = False,
    as_json: o.JsonOption = False,
) -> None:
    """Evaluate a model on tasks and write records and score logs to a run directory."""
    from gdbench.evaluation import evaluate
    from gdbench.models import load_request
    from gdbench.models.own import own_model
    from gdbench.run import Conditions, asked, validated
    from gdbench.run_folder import default_folder
    from gdbench.tasks import select
    from gdbench.tasks.base import limited

    asked_conditions = validated(Conditions, conditions)
    request, where = asked(**options, compat=asked_conditions.compat)
    chosen = select(tasks, asked_conditions.suite)
    # a model may change the working folder
    here = Path.cwd()
    root = None if root is None else here / root
    with kept_for_the_answer():
        loaded = load_request(request, where)
    if dry_run:
        c = asked_conditions
        items = [
            item
            for task in chosen
            for item in limited(
                task.items(c.suite, root, c.compat, allow_partial=allow_partial),
                c.limit,
                c.item_seed,
            )
        ]
        _dry_run(loaded, items, as_json)
        return
    model = own_model(loaded)
    folder = out or Path("runs") / default_folder(model.card, request, asked_conditions)
    with kept_for_the_answer(), o.item_progress() as progress:
        records = evaluate(
            model, chosen, here / folder, asked_conditions, root=root, allow_partial=allow_partial,
            request=request, progress=progress, item_timeout=where.item_timeout,
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
    from gdbench.tasks import of_record

    table = Table()
    for name in ("task", "metric"):
        table.add_column(name)
    for name in ("value", "95 % interval", "n", "chance", "ties"):
        table.add_column(name, justify="right")
    for record in records:
        task = of_record(record.task)
        for m in record.metrics:
            unit = task.unit(m)
            table.add_row(
                record.task.name,
                m.name,
                value_text(m.value, unit),
                interval_text(m.low, m.high, unit),
                str(m.n),
                value_text(m.chance, unit),
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
