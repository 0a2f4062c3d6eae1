"""`gdbench score`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from gdbench.cli import options as o
from gdbench.cli.summary import print_records
from gdbench.errors import InputError
from gdbench.records import Norm
from gdbench.terminal import line

if TYPE_CHECKING:
    from gdbench.metrics.measures import TieRule


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("score")(run)


TiesOption = Annotated[
    str | None, typer.Option(help="expected, strict, lenient or release-2023; default: the run's.")
]


def parse_ties(value: str | None) -> TieRule | None:
    """A tie rule. Raises InputError for an unknown one."""
    from gdbench.metrics.measures import TieRule

    rules: tuple[TieRule, ...] = get_args(TieRule)
    if value is None:
        return None
    for rule in rules:
        if rule == value:
            return rule
    raise InputError(f"--ties {value!r} is not known; it takes {', '.join(rules)}")


def run(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="Run directory.")],
    norm: Annotated[Norm | None, typer.Option(help="Default: the run's.")] = None,
    normalise: Annotated[
        bool | None, typer.Option("--normalise/--no-normalise", help="Default: the run's.")
    ] = None,
    samples: Annotated[
        int | None, typer.Option(help="Only the first so many timesteps of the log.", min=1)
    ] = None,
    ties: TiesOption = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the resampling.", min=0)] = None,
    level: Annotated[
        int | None, typer.Option(help="Only items of this level (suite mini2: 1 to 3).", min=1)
    ] = None,
    root: o.RootOption = None,
    as_json: o.JsonOption = False,
) -> None:
    """All metrics again from the score log: other norm, budget or tie rule, no model needed."""
    from gdbench.submissions.manifest import ManifestSource
    from gdbench.submissions.relog import score_run

    records = score_run(
        folder,
        norm=norm,
        normalise=normalise,
        samples=samples,
        ties=parse_ties(ties),
        seed=seed,
        level=level,
        source=ManifestSource(root),
    )
    if as_json:
        typer.echo(json.dumps([r.model_dump(mode="json") for r in records], indent=2))
    else:
        print_records(records)
        # under other options than the run's no record is written: this is all that tells them
        for record in records:
            line(record.signature)
