"""One finding of an examination."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

State = Literal["ok", "note", "fail"]
"""`ok`; `note`: something is not there that many do without; `fail`: gdbench cannot work so."""


@dataclass(frozen=True)
class Finding:
    """What was seen, and what to do about it."""

    state: State
    text: str
    advice: str = ""
    """A whole sentence; empty where there is nothing to do."""

    def as_json(self) -> dict[str, str]:
        """For --json."""
        return asdict(self)
