"""The tasks of a call: by name, from code, from own data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gdbench.data.own.options import DataOptions
from gdbench.errors import InputError
from gdbench.run import as_path, flag_of, validated
from gdbench.tasks import TASKS, Task, require_suite, select
from gdbench.tasks.own import data_task


def tasks_of(
    names: str | None,
    suite: str,
    data: Path | None,
    options: Mapping[str, Any],
    *,
    root: Path | None = None,
    allow_partial: bool = False,
) -> list[Task]:
    """The tasks of names (see `gdbench.tasks.select`) and of own data; all eight without either.

    Raises InputError for options of own data where there are none, and as `select` and `data_task`.
    """
    chosen = select("all" if names is None else names, suite) if names or data is None else []
    if data is None:
        if options:
            raise InputError(f"{flag_of(next(iter(options)))} needs --data")
        return chosen
    own = data_task(
        data, validated(DataOptions, options), root=root, allow_partial=allow_partial,
        taken=[*TASKS.names(), *(task.name for task in chosen)],
    )  # fmt: skip
    require_suite([own], suite)
    return [*chosen, own]


def own_data(path: str | Path, *, allow_partial: bool = False, **options: Any) -> Task:
    """A task from data of your own, for `gdbench.evaluate`.

    Args:
        path: a folder with pictures and a table of captions, classes or groups; Parquet files,
            WebDataset shards, or a folder for each class; or one such file.
        allow_partial: leave out rows that are broken.
        **options: as after `--data`: `ask`, `image_column`, `caption_column`, `label_column`,
            `split`, `candidates`, `prompt`, `words`, `encoding`, `name`.

    Raises:
        InputError: there is nothing there, or an option is unknown.
        DataProblemsError: something is wrong with the data; `problems` lists everything.
    """
    place = as_path(path, "path")
    return data_task(
        place, validated(DataOptions, options), allow_partial=allow_partial, taken=TASKS.names()
    )
