"""`gdbench.evaluate`: one call from a model to its results."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gdbench import evaluation
from gdbench.api.models import default_suite, is_named, loaded
from gdbench.api.results import Results
from gdbench.api.tasks import own_data
from gdbench.engines.local import LocalEngine
from gdbench.environment import cache_folder
from gdbench.errors import InputError
from gdbench.progress import EvaluationBars, bars
from gdbench.run import Conditions, as_path, validated
from gdbench.run_folder import default_folder
from gdbench.tasks import own_names, require_suite, select
from gdbench.tasks.base import Task
from gdbench.terminal import note


def evaluate(
    model: object,
    tasks: str | Task | Sequence[str | Task] | None = None,
    *,
    data: str | Path | None = None,
    suite: str | None = None,
    limit: int | None = None,
    item_seed: int = 0,
    compat: str | None = None,
    out: str | Path | None = None,
    root: str | Path | None = None,
    allow_partial: bool = False,
    quiet: bool = False,
    **options: Any,
) -> Results:
    """Evaluate a model on tasks; a run folder that was begun before is continued.

    Args:
        model: a name, folder or file as after `--model`; an object with `card` and `score`, or a
            class or function that makes one; a pipeline of diffusers, which is scored as it is in
            memory.
        tasks: names, "all" for the eight of GDBench, `file.py:TASK`, or `Task` objects; None: all
            eight, or the data alone.
        data: pictures and captions of your own (see `gdbench.own_data`, which has options).
        suite: `full`, `mini`, or a task's variant; None: `mini` for the bundled models, which are
            trained on its scenes, else `full`; of own tasks the one that they have.
        limit: at most so many items of each sub-task.
        item_seed: seed that chooses the items of `limit`.
        compat: "diffusion-itm-2023" for the items, timesteps, noise and ties of the release.
        out: run folder; None: one in `$GDBENCH_CACHE/runs`, else `~/.cache/gdbench/runs`, which
            the same call goes on in. An object's state has no name, so it gets a fresh one.
        root: folder with the published data (suites other than `mini`).
        allow_partial: leave out what is missing or broken of a data set; the record says so.
        quiet: no bars on standard error, and no line that says where the run lies.
        **options: as in `gdbench.load_model`, e.g. `samples=10, device="cpu", lora="folder"`.

    Returns:
        The results, with `folder`, where records and score logs lie.

    Raises:
        GdbenchError: one line that says what was expected and what to do.
    """
    own = [] if data is None else [own_data(data, allow_partial=allow_partial)]
    given = [*_listed(tasks), *own] if tasks is not None or not own else own
    conditions = validated(
        Conditions,
        {
            "suite": _suite(model, given) if suite is None else suite,
            "limit": limit,
            "item_seed": item_seed,
            "compat": compat,
        },
    )
    chosen = _tasks(given, conditions.suite)
    place = None if root is None else as_path(root, "root")
    folder = None if out is None else as_path(out, "out")
    with loaded(model, {**options, "compat": compat}) as (ready, request, where):
        if folder is None:
            name = default_folder(ready.card, request, conditions, own=own_names(chosen))
            unique = "" if is_named(model) else f"-{uuid.uuid4().hex[:8]}"
            folder = cache_folder() / "runs" / f"{name}{unique}"
        with bars(disable=quiet) as display:
            records = evaluation.evaluate(
                LocalEngine(ready, where.item_timeout),
                chosen,
                folder,
                conditions,
                root=place,
                allow_partial=allow_partial,
                request=request if isinstance(model, str | Path) else None,
                progress=EvaluationBars(display),
            )
    if not quiet:
        note(f"Records and scores: {folder}")
    return Results(folder.absolute(), tuple(records))


def _listed(tasks: object) -> list[object]:
    """What was given for tasks as a list. Raises InputError where it is none, or empty."""
    given = "all" if tasks is None else tasks
    if isinstance(given, str | Task):
        return [given]
    if not isinstance(given, Sequence) or not given:
        raise InputError(
            f"tasks: expected names such as ['clevr', 'pets'], or 'all'; it is {str(tasks)[:40]!r}"
        )
    return list(given)


def _suite(model: object, tasks: Sequence[object]) -> str:
    """The suite where none was chosen."""
    own = [task for task in tasks if isinstance(task, Task)]
    usual = default_suite(model)
    if own and len(own) == len(tasks) and all(usual not in task.sources for task in own):
        return next(iter(own[0].sources))
    return usual


def _tasks(given: Sequence[object], suite: str) -> list[Task]:
    """Tasks by name or as they are, each once. Raises InputError for anything else."""
    chosen: dict[str, Task] = {}
    for task in given:
        if isinstance(task, str):
            more = {t.name: t for t in select(task, suite)}
        elif isinstance(task, Task):
            require_suite([task], suite)
            more = {task.name: task}
        else:
            raise InputError(
                f"tasks: expected names or Task objects; {str(task)[:40]!r} is of type "
                f"{type(task).__name__}"
            )
        twice = [name for name, new in more.items() if chosen.get(name, new) is not new]
        if twice:
            raise InputError(f"tasks: two are called {twice[0]!r}")
        chosen |= more
    return list(chosen.values())
