"""What the verbs print of records: the scores of a run, or every metric."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gdbench.records import ResultRecord
from gdbench.terminal import Table, line, note, show

if TYPE_CHECKING:
    from gdbench.api.table import TextTable


def print_run(records: Sequence[ResultRecord], folder: Path, *, metrics: bool = False) -> None:
    """The scores of the tasks and of GDBench, what they took, where they are, and what is next."""
    from gdbench.api.results import Results

    results = Results(folder, tuple(records))
    if metrics:
        print_table(results.table(metrics=True))
        line()
    print_table(results.table())
    for text in results.notes():
        line(text)
    line(f"cost: {results.cost}")
    note(f"Records and scores: {folder}")
    if not metrics:
        note(f"every metric: gdbench score {folder}")
    note(f"next: gdbench compare {folder} ANOTHER_RUN")


def print_records(records: Sequence[ResultRecord]) -> None:
    """A table of every metric: value, interval, chance, n, ties; and what to know of it."""
    from gdbench.api.results import metric_table, record_notes

    print_table(metric_table(records))
    for record in records:
        for text in record_notes(record):
            line(text)


def print_table(content: TextTable) -> None:
    """A table on standard output."""
    table = Table()
    for place, header in enumerate(content.headers):
        table.add_column(header, justify="left" if place < content.n_names else "right")
    for row in content.rows:
        table.add_row(*row)
    show(table)
