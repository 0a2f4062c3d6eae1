"""`gdbench demo`: the whole line on the bundled suite, offline, in minutes."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from gdbench.cli import options as o
from gdbench.cli.interruption import goes_on
from gdbench.numbers import SHARE, value_text
from gdbench.records import ResultRecord
from gdbench.terminal import Table, line, note, show

MODELS = ("mini-clip", "mini-itm", "mini-flow", "mini-sd")


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("demo")(goes_on(demo))


def demo(
    out: Annotated[Path, typer.Option(help="Folder for runs and site.")] = Path("demo"),
    limit: Annotated[int, typer.Option(help="Items of each sub-task.", min=2)] = 12,
    samples: Annotated[
        int, typer.Option(help="Timesteps per image-text pair.", min=1, max=980)
    ] = 10,
    models: Annotated[str, typer.Option(help="Registered names, comma-separated.")] = ",".join(
        MODELS
    ),
) -> None:
    """Evaluate the bundled models on a part of every mini task; write reports and a board."""
    from gdbench.evaluation import evaluate
    from gdbench.leaderboard import build
    from gdbench.leaderboard.report import write_report
    from gdbench.models import load_model, takes
    from gdbench.tasks import select
    from gdbench.tasks.base import BUNDLED

    start = time.monotonic()
    tasks = select("all", BUNDLED[0])
    names = [name.strip() for name in models.split(",") if name.strip()]
    results: dict[str, list[ResultRecord]] = {}
    runs: list[Path] = []
    for name in names:
        note(f"{name}, {limit} items of every sub-task")
        model = load_model(name, samples=samples if takes(name, "samples") else None)
        run = out / "runs" / f"{name}-T{samples}-n{limit}"
        with o.item_progress() as progress:
            results[name] = evaluate(
                model, tasks, run, suite=BUNDLED[0], limit=limit, progress=progress
            )
        runs.append(run)
    show(_table(results))
    logs = {n: r for n, r in zip(names, runs, strict=True) if results[n][0].settings.normalise}
    if logs:
        _finding(logs)
    reports = [write_report(run) for run in runs]
    build(None, out / "site", runs=runs)
    minutes = (time.monotonic() - start) / 60
    line()
    line(f"After {minutes:.1f} minutes. Reports, one file each, to open in a browser:")
    for report in reports:
        line(f"  {report.resolve()}")
    line(f"The board of all of them: {(out / 'site' / 'measured' / 'index.html').resolve()}")


def _table(results: dict[str, list[ResultRecord]]) -> Table:
    """Task scores of every model, and the mean of the seven."""
    from gdbench.tasks import of_record

    table = Table()
    table.add_column("task")
    for name in results:
        table.add_column(name, justify="right")
    table.add_column("chance", justify="right")
    records = list(zip(*results.values(), strict=True))
    ability = [row for row in records if row[0].score is not None]
    for row in ability:
        chance = [m.chance for m in row[0].metrics if m.name in _primary(row[0])]
        floor = sum(c for c in chance if c is not None) / len(chance)
        scores = [value_text(r.score, SHARE) for r in row]
        table.add_row(row[0].task.name, *scores, value_text(floor, SHARE))
    means = [
        sum(r.score or 0 for r in column) / len(ability) for column in zip(*ability, strict=True)
    ]
    table.add_section()
    table.add_row("GDBench", *(value_text(mean, SHARE) for mean in means), "")
    for row in records:
        if row[0].score is None:
            for m in row[0].metrics[:1]:
                unit = of_record(row[0]).unit(m)
                effects = [value_text(r.metric(m.name).value, unit) for r in row]
                table.add_row(f"{row[0].task.name} {m.name}", *effects, value_text(m.chance, unit))
    return table


def _primary(record: ResultRecord) -> tuple[str, ...]:
    from gdbench.tasks import TASKS

    return TASKS.get(record.task.name).primary


def _finding(runs: dict[str, Path]) -> None:
    """The paper's central finding from the logged errors: naive against normalised retrieval."""
    table = Table()
    table.add_column("model")
    for name in ("n", "naive", "normalised", "naive takes the easiest"):
        table.add_column(name, justify="right")
    for name, run in runs.items():
        naive, normalised, easiest = _image_retrieval(run)
        n = len(easiest)
        shares = [value_text(sum(s) / n, SHARE) for s in (naive, normalised, easiest)]
        table.add_row(name, str(n), *shares)
    line()
    line("The picture of a caption among ten (chance 10.0). Naive: the score is minus")
    line("the error, and pictures that are easy to denoise win. Normalised: the error")
    line("under the empty prompt is subtracted first.")
    show(table)


def _image_retrieval(run: Path) -> tuple[list[bool], list[bool], list[bool]]:
    """Per item: is the naive score right, the normalised one, does naive take the easiest."""
    import numpy as np

    from gdbench.metrics.denoising import score_matrix
    from gdbench.protocol import Query
    from gdbench.submissions.finished import open_finished
    from gdbench.tasks import TASKS
    from gdbench.tasks.base import BUNDLED

    items = {i.id: i for i in TASKS.get("flickr30k").items(BUNDLED[0])}
    naive, normalised, easiest = [], [], []
    for scores in open_finished(run / "flickr30k").scores:
        item, base = items[scores.item_id], scores.unconditional_errors
        if item.query is not Query.IMAGE_RETRIEVAL or scores.errors is None or base is None:
            continue
        plain = int(np.argmax(score_matrix(scores.errors, base, normalise=False)[:, 0]))
        naive.append(plain == item.gold[0])
        normalised.append(int(np.argmax(scores.matrix[:, 0])) == item.gold[0])
        easiest.append(plain == int(np.argmin(base.mean(axis=-1))))
    return naive, normalised, easiest
