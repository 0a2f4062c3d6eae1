"""`gdbench models [inspect]`, `gdbench tasks`, `gdbench schema`, `gdbench check-model`."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from pydantic import BaseModel

from gdbench.cli import options as o
from gdbench.run import ModelRequest
from gdbench.terminal import Table, kept_for_the_answer, show

_GIGABYTE = 10**9
_GIGA, _TERA = 1e9, 1e12


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    group = typer.Typer(invoke_without_command=True, rich_markup_mode=None)
    group.callback()(models)
    group.command("inspect")(inspect)
    app.add_typer(group, name="models")
    app.command("tasks")(tasks)
    app.command("schema")(schema)
    app.command("check-model")(check_model)


def models(context: typer.Context, as_json: o.JsonOption = False) -> None:
    """The models registered by name: family, size, licence, and whether the weights are here."""
    if context.invoked_subcommand is not None:
        return
    from gdbench.models import KINDS, MODELS, ModelEntry

    rows: list[dict[str, Any]] = []
    o.warn(MODELS.problems())
    for name, thing in MODELS.items():
        entry: object = thing
        if isinstance(entry, ModelEntry):
            rows.append(
                {
                    "name": name,
                    "family": entry.family,
                    "source": "bundled" if entry.local else entry.source,
                    "parameters": entry.parameters,
                    "license": entry.license,
                    "gated": entry.gated,
                    "here": KINDS.get(entry.kind).is_here(entry),
                    "description": entry.description,
                }
            )
        else:
            rows.append({"name": name, "family": "plugin", "here": True})
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    table = Table("name", "family", "size", "here", "source")
    for r in rows:
        size = f"{r['parameters'] / 1e6:.0f}M" if r.get("parameters") else ""
        table.add_row(r["name"], r["family"], size, "yes" if r["here"] else "", r.get("source", ""))
    show(table)


def inspect(
    source: Annotated[
        str,
        typer.Argument(help="Registered name, folder, OWNER/NAME on the hub, or clip:ARCH/TAG."),
    ],
    as_json: o.JsonOption = False,
) -> None:
    """What a model is, from its JSON files: how it is scored, size, licence, picture, text, cost.

    No weights are read or fetched.
    """
    from gdbench.models.inspection import inspect as inspected

    with kept_for_the_answer():
        facts = inspected(source).as_dict()
        if facts["kind"] == "diffusion-itm":
            facts["mini_passes"] = _mini_passes()
    if as_json:
        typer.echo(json.dumps(facts, indent=2))
        return
    table = Table(show_header=False)
    table.add_column()
    table.add_column()
    size = facts.pop("weight_bytes")
    if size is not None:
        facts["weights"] = f"{size / 1e9:.2f} GB" if size > _GIGABYTE else f"{size / 1e6:.2f} MB"
    work, passes = facts.pop("pass_flops"), facts.pop("mini_passes", None)
    if passes is not None:
        large = work is not None and work >= _TERA
        unit = f"{work / _TERA:.3g} TFLOP" if large else f"{(work or 0) / _GIGA:.3g} GFLOP"
        each = f" of {unit}" if work else ""
        facts["cost_of_suite_mini"] = f"{passes:,} passes{each}"
    for name, value in facts.items():
        shown = ("no", "yes")[value] if isinstance(value, bool) else value
        if shown not in (None, ""):
            table.add_row(name.replace("_", " "), str(shown))
    show(table)


def _mini_passes() -> int:
    """Passes of a diffusion model over the mini suite with the default timesteps."""
    from gdbench.models.diffusion_itm.adapter import DEFAULTS
    from gdbench.tasks import select
    from gdbench.tasks.counting import of_items

    items = (item for task in select("all", "mini") for item in task.items("mini", None))
    return of_items(items).passes(DEFAULTS["samples"])


def tasks(root: o.RootOption = None, as_json: o.JsonOption = False) -> None:
    """The tasks: what they test, their suites, sizes, metrics, licences, and what is here."""
    from gdbench.data.check import layout_of
    from gdbench.tasks import TASKS
    from gdbench.tasks.base import BUNDLED

    o.warn(TASKS.problems())
    rows = [
        {
            "name": name,
            "version": t.version,
            "versions": {s: t.version_of(s) for s in t.sources},
            "title": t.title,
            "kind": t.kind,
            "description": t.description,
            "metrics": [m.name for m in t.measures],
            "primary": list(t.primary),
            "suites": {s: {"items": t.n_expected(s), **t.expected.get(s, {})} for s in t.sources},
            "data": layout_of(t.name, root, t.published),
            "license": t.license,
            "citation": t.citation,
            "url": t.url,
            "notes": list(t.notes),
        }
        for name, t in TASKS.items()
    ]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    table = Table("name", "items", "mini2", "mini", "here", "primary metrics", "licence")
    for name, t in TASKS.items():
        table.add_row(
            name,
            f"{t.n_expected('full'):,}" if t.n_expected("full") else "varies",
            *(f"{t.n_expected(s):,}" if s in t.sources else "" for s in BUNDLED),
            "yes" if layout_of(t.name, root, t.published) != "missing" else "",
            ", ".join(t.primary) or "effect sizes",
            t.license,
        )
    show(table)


def schema(
    record: Annotated[str, typer.Argument(help="result, run or settings.")] = "result",
) -> None:
    """The JSON Schema of what gdbench writes."""
    from gdbench import records, run
    from gdbench.errors import InputError

    kinds: dict[str, type[BaseModel]] = {
        "result": records.ResultRecord,
        "run": run.RunInfo,
        "settings": records.ModelSettings,
    }
    if record not in kinds:
        raise InputError(f"no schema {record!r}; there are: {', '.join(kinds)}")
    typer.echo(json.dumps(kinds[record].model_json_schema(), indent=2))


def check_model(
    spec: Annotated[str, typer.Argument(help=ModelRequest.model_fields["model"].description)],
    as_json: o.JsonOption = False,
) -> None:
    """Check in seconds that a model keeps the protocol; exit code 1 if it does not."""
    from gdbench.models import load_model, takes
    from gdbench.models.conformance import check

    with kept_for_the_answer():
        results = check(load_model(spec, samples=4 if takes(spec, "samples") else None))
    if as_json:
        typer.echo(json.dumps([r._asdict() for r in results], indent=2))
    else:
        table = Table("check", "result", "detail")
        for r in results:
            table.add_row(r.name, "pass" if r.passed else "FAIL", r.detail)
        show(table)
    if not all(r.passed for r in results):
        raise typer.Exit(1)
