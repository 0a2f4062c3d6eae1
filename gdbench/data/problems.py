"""A collector of everything that is wrong with a data tree, so that nobody fixes one at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gdbench.errors import DataProblemsError


@dataclass
class Problems:
    """Problems found while reading, and remarks that are no problem.

    `blocking` counts the problems that make an item unusable or the set incomplete; the others
    (a stray file) are listed by `gdbench data check` and do not stop an evaluation.
    """

    rows: list[dict[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    blocking: int = 0

    def add(self, file: str, entry: str, problem: str, *, blocking: bool = True) -> None:
        """Note a problem: in which file (relative to the root), at which entry, and what."""
        self.rows.append({"file": file, "entry": entry, "problem": problem})
        self.blocking += blocking

    def raise_blocking(self, task: str, root: Path) -> None:
        """Raise DataProblemsError with all rows where there is a blocking problem."""
        if not self.blocking:
            return
        first = self.rows[0]
        where = f"{first['file']}, {first['entry']}" if first["entry"] else first["file"]
        plural = "s" if len(self.rows) > 1 else ""
        raise DataProblemsError(
            f"{task}: {len(self.rows)} problem{plural} in {root} (first: {where}: "
            f"{first['problem']}); `gdbench data check {task} --root {root}` lists all, "
            "--allow-partial evaluates what is whole",
            self.rows,
        )


def grouped(rows: Iterable[Mapping[str, str]]) -> list[str]:
    """One line for each problem of a file; what is wrong with many entries is said once.

    A row's `more` is the number of entries like it that are not listed.
    """
    groups: dict[tuple[str, str], tuple[str, int]] = {}
    for row in rows:
        key = (row["file"], row["problem"])
        first, n = groups.get(key, (row["entry"], 0))
        groups[key] = first, n + 1 + int(row.get("more", "0"))
    lines = []
    for (file, problem), (entry, n) in groups.items():
        where = ": ".join(part for part in (file, entry) if part)
        more = f" (and {n - 1:,} more entries)" if n > 1 else ""
        lines.append(f"{where}: {problem}{more}" if where else f"{problem}{more}")
    return lines
