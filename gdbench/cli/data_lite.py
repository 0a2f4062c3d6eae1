"""`gdbench data lite`: the items of GDBench-lite, from the published files."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated, Any

import typer

from gdbench.cli import options as o
from gdbench.errors import InputError
from gdbench.records import Compat
from gdbench.terminal import Table, show


def lite(
    tasks: Annotated[
        list[str] | None,
        typer.Argument(metavar="[TASK]...", help="Tasks; default: all that are here."),
    ] = None,
    root: o.RootOption = None,
    compat: Annotated[
        Compat | None, typer.Option(help="diffusion-itm-2023: the items of the release.")
    ] = None,
    as_json: o.JsonOption = False,
) -> None:
    """Which items GDBench-lite has, made from the annotations; pictures need not be there.

    What the package does not pin is pinned now, in lite-pins.json below the data root, where the
    task is whole. Exit code 1 where a choice is not the pinned one. --json has the ids by rank.
    """
    from gdbench.data.check import check
    from gdbench.data.loading import MISSING
    from gdbench.tasks import GDBENCH, published_of
    from gdbench.tasks.lite import VERSION
    from gdbench.tasks.lite_pins import keep, known, name_of, shipped

    rows = []
    for name in tasks or GDBENCH:
        entry = published_of(name)
        found = check(name, root, compat, entry, verify="none")
        if found.layout == MISSING:
            if tasks:
                raise InputError(f"no data of task {name} in {found.root}")
            continue
        pinned_as = name_of(name, entry, compat)
        with suppress(InputError):  # another choice than the pinned one: a row says so
            keep(name, root, entry, compat)
        package = shipped().get(pinned_as, {})
        rows += _rows(name, found.items, known(pinned_as, found.root), package)
    if not rows:
        raise InputError("no task is here; `gdbench data status` says where the data come from")
    if as_json:
        typer.echo(json.dumps({"version": VERSION, "subtasks": rows}, indent=2))
    else:
        _print(rows)
    if any(row["pinned"] is False for row in rows):
        raise typer.Exit(1)


def _rows(
    task: str, items: list[Any], pins: Mapping[str, str], package: Mapping[str, str]
) -> list[dict[str, Any]]:
    """For each sub-task what is chosen of it."""
    from gdbench.tasks.lite import cap, ids_sha256, ranked

    rows = []
    for subtask, n in Counter(item.subtask for item in items).items():
        order = ranked([item for item in items if item.subtask == subtask])
        kept = order[: cap(order[0].query)]
        (digest,) = ids_sha256(kept).values()
        pin = pins.get(subtask)
        rows.append(
            {
                "task": task,
                "subtask": subtask,
                "n": len(kept),
                "of": n,
                "clusters": len({item.cluster or item.id for item in kept}),
                "strata": len({item.tags for item in kept}),
                "strata_of": len({item.tags for item in order}),
                "ids_sha256": digest,
                "pinned": None if pin is None else pin == digest,
                "pinned_by": "package" if subtask in package else "first fetch" if pin else None,
                "ids": [item.id for item in kept],
            }
        )
    return rows


def _print(rows: list[dict[str, Any]]) -> None:
    table = Table("task", "sub-task")
    for name in ("items", "of", "clusters", "strata"):
        table.add_column(name, justify="right")
    for name in ("ids", "pinned"):
        table.add_column(name)
    for row in rows:
        table.add_row(
            row["task"],
            row["subtask"],
            f"{row['n']:,}",
            f"{row['of']:,}",
            f"{row['clusters']:,}",
            f"{row['strata']:,}/{row['strata_of']:,}",
            row["ids_sha256"][:8],
            "OTHER IDS" if row["pinned"] is False else row["pinned_by"] or "not whole",
        )
    show(table)
