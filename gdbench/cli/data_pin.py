"""`gdbench data pin`: the questions of published tasks as hashes and labels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from gdbench.cli import options as o
from gdbench.cli.audit import folder_of
from gdbench.errors import InputError
from gdbench.records import Compat
from gdbench.terminal import line, note


def pin(
    tasks: Annotated[
        list[str] | None, typer.Argument(metavar="[TASK]...", help="Tasks; default: GDBench's.")
    ] = None,
    to: Annotated[Path, typer.Option(help="Folder of pinned manifests.")] = Path("manifests"),
    suite: Annotated[str, typer.Option(help="Suite, or a task's variant.")] = "full",
    compat: Annotated[
        Compat | None, typer.Option(help="diffusion-itm-2023: the items of the release.")
    ] = None,
    root: o.RootOption = None,
    as_json: o.JsonOption = False,
) -> None:
    """Pin the items of tasks: ids, labels and hashes, without pictures or texts.

    A task whose items are not complete below the root is refused, and nothing is written for it.
    """
    from gdbench.submissions.manifest import ManifestSource, pinned_name
    from gdbench.tasks import GDBENCH, TASKS

    source = ManifestSource(folder_of("--root", root))
    pinned = []
    for name in tasks or GDBENCH:
        task = TASKS.get(name)
        if suite not in task.sources:
            raise InputError(f"task {name} has no suite {suite}")
        manifest = source.get(task, suite, compat)
        expected = task.n_expected(suite, compat)
        if len(manifest.labels) != expected:
            raise InputError(
                f"{name}: {len(manifest.labels)} items are here, {expected} are published; only "
                "a whole task is pinned"
            )
        path = to / name / pinned_name(suite, compat)
        path.parent.mkdir(parents=True, exist_ok=True)
        manifest.save(path)
        pinned.append((path, len(manifest.labels), manifest.sha256(manifest.labels)))
    if as_json:
        rows = [{"path": str(p), "n_items": n, "manifest_sha256": d} for p, n, d in pinned]
        typer.echo(json.dumps({"pinned": rows}, indent=2))
        return
    for path, n, digest in pinned:
        line(f"{path}: {n:,} items, sha256 {digest}")
    note("verify, submit and leaderboard build take the folder with --manifests")
