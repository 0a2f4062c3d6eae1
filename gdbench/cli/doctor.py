"""`gdbench doctor`."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from gdbench.cli import options as o
from gdbench.terminal import kept_for_the_answer, line, paragraph

_MARKS = {"ok": "ok", "note": "note", "fail": "FAIL"}


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("doctor")(run)


def run(
    root: o.RootOption = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Do not ask the hub for anything.")
    ] = False,
    as_json: o.JsonOption = False,
) -> None:
    """What works here, what is missing, and what to do (exit code 1 if gdbench cannot work so)."""
    with kept_for_the_answer():
        from gdbench.doctor import examine

        sections = list(examine(root, offline=offline))
    states = [finding.state for section in sections for finding in section.findings]
    if as_json:
        told = {section.title: [f.as_json() for f in section.findings] for section in sections}
        typer.echo(json.dumps(told, indent=2))
    else:
        for section in sections:
            line(section.title)
            for finding in section.findings:
                paragraph(finding.text, first=f"  {_MARKS[finding.state]:4}  ", indent=8)
                if finding.advice:
                    paragraph(finding.advice, first="        -> ", indent=11)
        line()
        paragraph(_summary(states.count("fail"), states.count("note")))
    if "fail" in states:
        raise typer.Exit(1)


def _summary(fails: int, notes: int) -> str:
    begin = f"{fails} to repair (FAIL)" if fails else "Nothing stops gdbench here"
    return f"{begin}; {notes} note{'' if notes == 1 else 's'}."
