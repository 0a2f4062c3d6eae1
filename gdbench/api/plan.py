"""`plan.yaml`: a matrix of models, tasks and budgets as a list of runs."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from gdbench.api.cells import Cell
from gdbench.api.tasks import tasks_of
from gdbench.errors import InputError
from gdbench.models import refuse_unfit, takes
from gdbench.models.loading import release_mode
from gdbench.records import ModelSettings, Strict
from gdbench.run import Conditions, Spread, Where, as_path, asked, shortened, validated

_MOST_BYTES = 1_000_000
_MOST_VALUES = 100_000
_OPTIONS = (*ModelSettings.asked_names(), *Where.model_fields, "lora", "arguments")


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
        # a device says nothing of its size
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise InputError(f"{path}: larger than {_MOST_BYTES:,} bytes: no plan is")
        text = data.decode("utf-8-sig")
        _check_tree(yaml.compose(text, yaml.SafeLoader))
        found = yaml.safe_load(text)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8") from error
    # PyYAML takes 2026-13-01 for a date, and then it is none
    except (yaml.YAMLError, RecursionError, ValueError) as error:
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


def _check_tree(root: Any) -> None:
    """Raise ValueError for a name that stands twice, and for aliases that stand for too much."""
    import yaml

    sizes: dict[int, float] = {}

    def size(node: Any) -> float:
        if id(node) not in sizes:
            # until it is known: a list that holds itself has no end
            sizes[id(node)] = math.inf
            below = node.value if isinstance(node, yaml.CollectionNode) else []
            if isinstance(node, yaml.MappingNode):
                _refuse_twice(node)
                below = [part for pair in below for part in pair]
            sizes[id(node)] = 1 + sum(map(size, below))
        return sizes[id(node)]

    if root is not None and size(root) > _MOST_VALUES:
        raise ValueError(f"its aliases stand for more than {_MOST_VALUES:,} values")


def _refuse_twice(mapping: Any) -> None:
    """Raise ValueError where a mapping has a name twice: YAML's readers take the last one."""
    names = Counter(str(name.value) for name, _ in mapping.value)
    for name, count in names.items():
        if count > 1:
            line = mapping.start_mark.line + 1
            raise ValueError(f"{name!r} stands twice in what begins in line {line}")


def cells_of(plan: Plan, here: Path) -> list[Cell]:
    """The runs of a plan, each looked at before any is begun.

    Raises InputError where a model, task or option is none, nothing uses it, or two runs are the
    same.
    """
    conditions = validated(
        Conditions,
        {"suite": plan.suite, "limit": plan.limit, "item_seed": plan.item_seed,
         "compat": plan.compat},
    )  # fmt: skip
    names = ",".join(plan.tasks) if isinstance(plan.tasks, list) else plan.tasks
    data, own = _data(plan)
    root = None if plan.root is None else here / as_path(plan.root, "root")
    out = as_path(plan.out, "out")
    given = [_given(model) for model in plan.models]
    _refuse_unused(plan, [name for name, _ in given])
    tasks = tasks_of(names, plan.suite, data, own, root=root, allow_partial=plan.allow_partial)
    cells: list[Cell] = []
    for name, options in _models(plan, given):
        request, where = asked(name, **options, compat=release_mode(name, conditions.compat))
        refuse_unfit(request, where)
        cell = Cell(
            request, where, Spread(), conditions, tuple(tasks), here, None, out, root,
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
        return as_path(plan.data, "data"), {}
    options = dict(plan.data)
    path = options.pop("path", None)
    if not isinstance(path, str):
        raise InputError("data: expected a path, or {path: FOLDER, ask: …}")
    return as_path(path, "data"), options


def _given(model: str | dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Name and own options of a model. Raises InputError where it has none, or wrong ones."""
    own = {"model": model} if isinstance(model, str) else dict(model)
    name = own.pop("model", None)
    if not isinstance(name, str) or not name:
        raise InputError(f"models: expected a name or {{model: NAME, …}}, it is {shortened(model)}")
    _refuse_unknown(f"models: {name}", own)
    return name, own


def _refuse_unknown(where: str, options: Iterable[str]) -> None:
    unknown = next((name for name in options if name not in _OPTIONS), None)
    if unknown is not None:
        raise InputError(f"{where}: unknown option {unknown!r}; there are: {', '.join(_OPTIONS)}")


def _refuse_unused(plan: Plan, models: Sequence[str]) -> None:
    """Raise InputError for what all models share and none of them uses."""
    _refuse_unknown("options", plan.options)
    unused = [n for n in plan.options if not any(_uses(model, n) for model in models)]
    if unused:
        raise InputError(
            f"options: no model of the plan uses {unused[0]!r}; leave it out, or give it to a "
            f"model of your own: {{model: NAME, {unused[0]}: …}}"
        )
    if plan.budgets and "samples" in plan.options:
        raise InputError("budgets and samples in options: give one of the two")
    if plan.budgets and not any(takes(model, "samples") for model in models):
        raise InputError("budgets: no model of the plan averages over timesteps; leave them out")


def _models(
    plan: Plan, given: Iterable[tuple[str, dict[str, Any]]]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each model with its options, once for each budget that it takes."""
    for name, own in given:
        shared = {n: v for n, v in plan.options.items() if _uses(name, n)}
        options = {**shared, **own}
        if plan.budgets and "samples" not in own and takes(name, "samples"):
            yield from ((name, {**options, "samples": budget}) for budget in plan.budgets)
        else:
            yield name, options


def _uses(name: str, option: str) -> bool:
    return option in ("seed", "device", "item_timeout") or takes(name, option)
