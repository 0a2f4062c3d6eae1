"""`gdbench data status|fetch|check|negatives|pin|lite`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

import typer

from gdbench.cli import options as o
from gdbench.cli.data_lite import lite
from gdbench.cli.data_own import check_own
from gdbench.cli.data_pin import pin
from gdbench.cli.interruption import goes_on
from gdbench.data.problems import grouped
from gdbench.errors import GdbenchError, InputError
from gdbench.progress import byte_bars, picture_count
from gdbench.records import Compat
from gdbench.run import flag_of
from gdbench.terminal import Table, line, note, paragraph, show

if TYPE_CHECKING:
    from gdbench.data.catalogue import Entry
    from gdbench.data.images import Verify
    from gdbench.data.loading import Found

_SHOWN = 40  # problems of one task on a terminal; --json has all
TasksArgument = Annotated[
    list[str] | None, typer.Argument(metavar="[TASK]...", help="Tasks; default: all.")
]


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    data = typer.Typer(
        help="Published data: where it comes from, getting it, checking it.",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    data.command("status")(status)
    data.command("fetch")(goes_on(fetch))
    data.command("check")(check)
    data.command("negatives")(negatives)
    data.command("pin")(pin)
    data.command("lite")(lite)
    app.add_typer(data, name="data")


@o.generated(own=o.DATA)
def check(
    own: dict[str, Any],
    tasks: TasksArgument = None,
    data: o.DataOption = None,
    root: o.RootOption = None,
    compat: Annotated[
        Compat | None, typer.Option(help="diffusion-itm-2023: the items of the release.")
    ] = None,
    fast: Annotated[bool, typer.Option("--fast", help="Do not decode the pictures.")] = False,
    as_json: o.JsonOption = False,
) -> None:
    """Read what is there, count it, hash it, and list every problem (exit code 2 if any).

    With --data your own pictures and captions instead of the published data.
    """
    from gdbench.data.check import check as check_task
    from gdbench.data.check import require
    from gdbench.data.loading import MISSING
    from gdbench.tasks import GDBENCH

    if data is not None:
        if tasks:
            raise InputError("give either tasks or --data")
        check_own(data, own, root, fast=fast, as_json=as_json)
        return
    if own:
        raise InputError(f"{flag_of(next(iter(own)))} needs --data")
    entries = _entries(tasks)
    depth: Verify = "none" if fast else "full"
    found = []
    for name, entry in entries.items():
        with picture_count(name) as looked:
            one = check_task(name, root, compat, entry, verify=depth, looked=looked)
            manifest = _manifest(one)
        if not tasks and name not in GDBENCH and one.layout == MISSING:
            continue
        found.append((one, manifest))
    absent = all(one.layout == MISSING for one, _ in found)
    for one, _ in found:
        if tasks or absent:
            require(one, entries[one.task])
    if as_json:
        rows = [
            _as_row(one, manifest, _expected(entries[one.task], compat)) for one, manifest in found
        ]
        typer.echo(json.dumps({"tasks": rows}, indent=2))
    else:
        _print([(one, text, _expected(entries[one.task], compat)) for one, text in found])
    if any(one.problems.rows for one, _ in found):
        raise typer.Exit(2)


def _manifest(found: Found) -> str | None:
    """Hash of the items; a picture that cannot be read is one more problem."""
    from gdbench.errors import InputError
    from gdbench.tasks.base import manifest_sha256

    if not found.items or found.problems.blocking:
        return None
    try:
        return manifest_sha256(found.items)
    except InputError as error:
        found.problems.add(found.task, "", str(error))
        return None


def _entries(tasks: list[str] | None) -> dict[str, Entry]:
    """What is published of these tasks, or of all."""
    from gdbench.tasks import TASKS, published, published_of

    if tasks:
        return {name: published_of(name) for name in tasks}
    o.warn(TASKS.problems())
    return published()


def _expected(entry: Entry, compat: Compat | None) -> dict[str, int]:
    return dict((compat and entry.compat_expected) or entry.expected)


def _as_row(found: Found, manifest: str | None, expected: dict[str, int]) -> dict[str, Any]:
    return {
        "name": found.task,
        "layout": found.layout,
        "n_items": found.n_items,
        "n_expected": expected,
        "manifest_sha256": manifest,
        "problems": found.problems.rows,
        "notes": found.problems.notes,
    }


def _print(found: list[tuple[Found, str | None, dict[str, int]]]) -> None:
    table = Table("task", "layout", "items", "published", "manifest", "problems")
    for one, manifest, counts in found:
        expected = sum(counts.values())
        table.add_row(
            one.task,
            one.layout,
            f"{len(one.items):,}",
            f"{expected:,}" if expected else "what survives",
            (manifest or "")[:12],
            f"{len(one.problems.rows):,}" if one.problems.rows else "",
        )
    show(table)
    for one, _, _ in found:
        for text in one.problems.notes:
            line(f"{one.task}: note: {text}")
        _list(one.task, one.problems.rows)


def _list(name: str, problems: list[dict[str, str]]) -> None:
    """A line for each kind of problem."""
    lines = grouped(problems)
    for text in lines[:_SHOWN]:
        line(f"{name}: {text}")
    if len(lines) > _SHOWN:
        line(f"{name}: and {len(lines) - _SHOWN:,} more (--json)")


def status(
    tasks: TasksArgument = None, root: o.RootOption = None, as_json: o.JsonOption = False
) -> None:
    """Where each part comes from, under which terms, and whether it is here."""
    from gdbench.data.status import part_states

    entries = _entries(tasks)
    rows = [row for name, entry in entries.items() for row in part_states(name, root, entry)]
    if as_json:
        typer.echo(json.dumps({"parts": [row.as_json() for row in rows]}, indent=2))
        return
    for name in entries:
        line(name)
        for row in (r for r in rows if r.task == name):
            at = f" at {row.revision[:12]}" if row.revision else ""
            size = f" ({row.about})" if row.about else ""
            mark = "here" if row.here else "missing"
            paragraph(f"{row.source}{at}{size}", first=f"  {mark:7}  ", indent=11)
            terms = f"{row.license or 'licence not stated'}; {row.access}"
            paragraph(terms, first=" " * 11, indent=11)


def fetch(
    tasks: Annotated[
        list[str],
        typer.Argument(metavar="NAME...", help="Tasks, all, or of these: coco, negclip, lora."),
    ],
    root: o.RootOption = None,
    layout: Annotated[
        Literal["auto", "hub", "2023"],
        typer.Option(help="auto: the hub where it is enough, else the files of the 2023 layout."),
    ] = "auto",
    pins: Annotated[
        Path | None,
        typer.Option(help="JSON of addresses and sha256: held to; first fetches are added."),
    ] = None,
) -> None:
    """Download what is open; an interrupted download goes on where it stopped.

    coco: the pictures of fine-tuning; negclip: its tables; lora: the paper's checkpoints. A file
    that is not the one of the first fetch is refused.
    """
    from gdbench.data.extras import EXTRAS, root_of
    from gdbench.data.fetch import check_space, fetch_task, takes_files
    from gdbench.data.loading import default_root
    from gdbench.data.pins import Pins
    from gdbench.tasks import GDBENCH, published_of

    failed, sums = [], Pins(pins)
    names = list(GDBENCH) if tasks == ["all"] else tasks
    entries = {name: EXTRAS[name] if name in EXTRAS else published_of(name) for name in names}
    places = {name: root_of(name, root) or default_root() for name in names}
    for name, entry in entries.items():
        if takes_files(entry, layout):
            note(f"{name}: {check_space(entry, places[name])}")
    for name, entry in entries.items():
        with byte_bars() as progress:
            for outcome in fetch_task(name, places[name], layout, progress, entry, sums):
                note(f"{name}: {outcome.text}")
                if not outcome.done:
                    failed.append(outcome.text)
        if name not in EXTRAS:
            try:
                _pin_lite(name, places[name], entry)
            except GdbenchError as error:
                failed.append(str(error))
                note(str(error))
    if failed:
        plural = "s" if len(failed) > 1 else ""
        raise GdbenchError(f"{len(failed)} part{plural} could not be fetched, see above")


def _pin_lite(name: str, root: Path | None, entry: Entry) -> None:
    """Pin the items of GDBench-lite at the first fetch, in the release's mode as well."""
    from gdbench.tasks.lite_pins import LOCAL, keep

    modes: tuple[Compat | None, ...] = (None, *get_args(Compat))
    for compat in modes if entry.compat_parts or entry.compat_expected else (None,):
        new = keep(name, root, entry, compat)
        if new:
            mode = f", {compat}" if compat else ""
            note(f"{name}{mode}: items of GDBench-lite pinned in {LOCAL} ({', '.join(new)})")


def negatives(
    root: o.RootOption = None,
    tagger: Annotated[
        Literal["builtin", "spacy"], typer.Option(help="What tells nouns and adjectives.")
    ] = "builtin",
) -> None:
    """Freeze the word-order negatives of ARO beside its captions, where the loader finds them."""
    from gdbench.data.aro_freeze import freeze
    from gdbench.data.aro_negatives import closed_class_tagger, spacy_tagger

    for file, n in freeze(root, spacy_tagger() if tagger == "spacy" else closed_class_tagger):
        note(f"{file}: negatives of {n:,} captions")
