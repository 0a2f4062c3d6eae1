"""`gdbench data check --data`: what is asked of own data, and all that is wrong with them."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from gdbench.data.problems import grouped
from gdbench.progress import picture_count
from gdbench.terminal import Table, line, note, show

if TYPE_CHECKING:
    from gdbench.data.own.reading import OwnData

_SHOWN = 40  # lines of problems on a terminal; --json has all


def check_own(
    path: Path, options: dict[str, Any], root: Path | None, *, fast: bool, as_json: bool
) -> None:
    """Print questions and problems; exit code 2 where there is a problem."""
    from gdbench.data.own.options import DataOptions
    from gdbench.run import validated
    from gdbench.tasks.own import read_data

    chosen = validated(DataOptions, options)
    with picture_count(path.name) as looked:
        data = read_data(path, chosen, root=root, verify="none" if fast else "full", looked=looked)
    manifest = _looked_at(data, fast=fast)
    if as_json:
        typer.echo(json.dumps(_as_row(data, manifest), indent=2))
    else:
        _print(data, manifest)
    if data.problems.rows:
        raise typer.Exit(2)


def _looked_at(data: OwnData, *, fast: bool) -> str | None:
    """Hash of the items; equal pictures under two names are one more problem."""
    from gdbench.tasks.base import manifest_sha256

    if fast or not data.items or data.problems.blocking:
        return None
    first: dict[str, str] = {}
    for name, image in {row.name: row.image for row in data.rows}.items():
        other = first.setdefault(image.sha256, name)
        if other != name:
            problem = "is the same picture as another file"
            data.problems.add("", f"{name} and {other}", problem, blocking=False)
    return manifest_sha256(data.items)


def _as_row(data: OwnData, manifest: str | None) -> dict[str, Any]:
    return {
        "name": data.name,
        "layout": data.layout,
        "ask": data.ask,
        "rows": len(data.rows),
        "n_items": data.n_items,
        "manifest_sha256": manifest,
        "problems": data.problems.rows,
        "notes": data.problems.notes,
    }


def _print(data: OwnData, manifest: str | None) -> None:
    table = Table("task", "layout", "asks", "rows", "questions", "manifest", "problems")
    lines = grouped(data.problems.rows)
    table.add_row(
        data.name, data.layout, data.ask or "", f"{len(data.rows):,}", f"{len(data.items):,}",
        (manifest or "")[:12], f"{len(lines):,}" if lines else "",
    )  # fmt: skip
    show(table)
    for subtask, n in Counter(item.subtask for item in data.items).items():
        example = next(item for item in data.items if item.subtask == subtask)
        line(
            f"{subtask}: {n:,} questions of {len(example.images)} pictures and "
            f"{len(example.texts)} texts"
        )
    for text in data.problems.notes:
        line(f"note: {text}")
    for text in lines[:_SHOWN]:
        line(text)
    if len(lines) > _SHOWN:
        line(f"and {len(lines) - _SHOWN:,} more (--json)")
    if not lines:
        note(f"next: gdbench evaluate --model mini-clip --data {data.path}")
