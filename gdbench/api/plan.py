"""`plan.yaml`: a matrix of models, tasks and budgets as a list of runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from gdbench.api.cells import Cell
from gdbench.api.tasks import tasks_of
from gdbench.errors import InputError
from gdbench.models import refuse_unfit, takes
from gdbench.models.loading import release_mode
from gdbench.records import Strict
from gdbench.run import Conditions, Spread, asked, validated

_MOST_BYTES = 1_000_000


class Plan(Strict):
    """What stands in a plan; paths are relative to the working folder, as in every command."""

    models: list[str | dict[str, Any]] = Field(min_length=1)
    """Names as after `--model`, or `{model: NAME, option: value, …}`."""
    tasks: list[str] | str | None = None
    """Names, `file.py:TASK`, or `all`; None: all, or the data alone."""
    data: str | dict[str, Any] | None = None
    """Own data: a path, or `{path: FOLDER, option: value, …}`."""
    budgets: tuple[int, ...] = ()
    """Timesteps: each model that averages over them is run once with each."""
    options: dict[str, Any] = Field(default={})
    """Options of all models that use them, e.g. `{device: cpu, seed: 1}`."""
    suite: str = "full"
    limit: int | None = None
    item_seed: int = 0
    compat: str | None = None
    root: str | None = None
    out: str = "runs"
    """The folder for the run directories."""
    allow_partial: bool = False


def read_plan(path: Path) -> Plan:
    """The plan in a file. Raises InputError with one line that names the field."""
    import yaml

    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(f"{path}: larger than {_MOST_BYTES:,} bytes: no plan is")
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8") from error
    except (yaml.YAMLError, RecursionError) as error:
        words = " ".join(str(error).split())[:200]
        raise InputError(f"{path}: not YAML: {words}") from error
    if not isinstance(found, dict):
        raise InputError(f"{path}: expected models, tasks and the like, each with its values")
    unknown = sorted(str(name) for name in found if name not in Plan.model_fields)
    if unknown:
        known = ", ".join(Plan.model_fields)
        raise InputError(f"{path}: there is no field {unknown[0]!r}; there are: {known}")
    try:
        return validated(Plan, {str(name): value for name, value in found.items()})
    except InputError as error:
        raise InputError(f"{path}: {str(error).removeprefix('--')}") from error


def cells_of(plan: Plan, here: Path) -> list[Cell]:
    """The runs of a plan, each looked at before any is begun.

    Raises InputError where a model, task or option is none, or two runs are the same.
    """
    conditions = validated(
        Conditions,
        {"suite": plan.suite, "limit": plan.limit, "item_seed": plan.item_seed,
         "compat": plan.compat},
    )  # fmt: skip
    names = ",".join(plan.tasks) if isinstance(plan.tasks, list) else plan.tasks
    data, own = _data(plan)
    root = None if plan.root is None else here / plan.root
    tasks = tasks_of(names, plan.suite, data, own, root=root, allow_partial=plan.allow_partial)
    cells: list[Cell] = []
    for name, options in _models(plan):
        request, where = asked(name, **options, compat=release_mode(name, conditions.compat))
        refuse_unfit(request, where)
        cell = Cell(
            request, where, Spread(), conditions, tuple(tasks), here, None, Path(plan.out), root,
            plan.allow_partial, budget_in_name=bool(plan.budgets),
        )  # fmt: skip
        if any(cell.request == other.request for other in cells):
            raise InputError(f"the plan has {cell.name} twice")
        cells.append(cell)
    return cells


def _data(plan: Plan) -> tuple[Path | None, dict[str, Any]]:
    if plan.data is None:
        return None, {}
    if isinstance(plan.data, str):
        return Path(plan.data), {}
    options = dict(plan.data)
    path = options.pop("path", None)
    if not isinstance(path, str):
        raise InputError("data: expected a path, or {path: FOLDER, ask: …}")
    return Path(path), options


def _models(plan: Plan) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each model with its options, once for each budget that it takes."""
    for given in plan.models:
        own = {"model": given} if isinstance(given, str) else dict(given)
        name = own.pop("model", None)
        if not isinstance(name, str) or not name:
            raise InputError(f"models: expected a name or {{model: NAME, …}}, it is {given!r}")
        shared = {n: v for n, v in plan.options.items() if _uses(name, n)}
        options = {**shared, **own}
        if plan.budgets and "samples" not in own and takes(name, "samples"):
            yield from ((name, {**options, "samples": budget}) for budget in plan.budgets)
        else:
            yield name, options


def _uses(name: str, option: str) -> bool:
    return option in ("seed", "device", "item_timeout") or takes(name, option)
