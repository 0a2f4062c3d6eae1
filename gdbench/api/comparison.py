"""`gdbench.compare`: two models on the same items."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from gdbench.api.results import Results
from gdbench.api.table import TextTable
from gdbench.metrics.paired import PairedDifference
from gdbench.numbers import interval_text, p_text, value_text
from gdbench.run import as_path
from gdbench.submissions.comparison import ModelComparison, compare_models, distinct
from gdbench.submissions.manifest import ManifestSource
from gdbench.submissions.results import load_results

if TYPE_CHECKING:
    import pandas as pd

_HEADERS = ("", "A", "B", "A-B", "95 %", "p", "Holm", "n")


@dataclass(frozen=True, repr=False)
class Comparison:
    """Paired differences of two models, A minus B, on everything that both have."""

    models: ModelComparison

    @property
    def rows(self) -> tuple[PairedDifference, ...]:
        """The tasks, the mean over them where there are several, and bias; in 0..1."""
        tasks = self.models.tasks.rows if self.models.tasks else ()
        overall = (self.models.overall,) if self.models.overall else ()
        return (*tasks, *overall, *self.models.bias)

    def to_pandas(self) -> pd.DataFrame:
        """One row for each of `rows`, with all its numbers."""
        import pandas as pd

        return pd.DataFrame([asdict(row) for row in self.rows])

    def table(self) -> TextTable:
        """Values, differences, intervals and p-values as texts."""
        return TextTable(_HEADERS, tuple(self._cells(row) for row in self.rows))

    def _cells(self, row: PairedDifference) -> tuple[str, ...]:
        unit = self.models.unit(row)
        return (
            row.name,
            value_text(row.first, unit),
            value_text(row.second, unit),
            value_text(row.difference, unit, difference=True),
            interval_text(row.low, row.high, unit, difference=True, between=".."),
            p_text(row.p_value),
            p_text(row.p_holm),
            str(row.n),
        )

    def to_markdown(self) -> str:
        """The table in Markdown."""
        return self.table().markdown()

    def to_latex(self) -> str:
        r"""The table as a `tabular`; needs `\usepackage{booktabs}`."""
        return self.table().latex()

    def _head(self) -> str:
        return f"A = {self.models.first}, B = {self.models.second}"

    def __repr__(self) -> str:
        return f"{self._head()}\n{self.table().text()}"

    def _repr_html_(self) -> str:
        return f"<b>{escape(self._head())}</b>{self.table().html()}"


def compare(
    a: Results | str | Path, b: Results | str | Path, *, root: str | Path | None = None
) -> Comparison:
    """Compare two models on the tasks that both have, with paired tests on the same items.

    Args:
        a: results, a run folder, or a revision's folder of submissions.
        b: as `a`.
        root: folder with the published data, where the items are not of the mini suite.

    Raises:
        InputError: they have no task in common, were asked different questions, or a file is
            missing or damaged.
    """
    source = ManifestSource(None if root is None else as_path(root, "root"))
    folders = [
        given.folder if isinstance(given, Results) else as_path(given, name)
        for name, given in (("a", a), ("b", b))
    ]
    first, second = distinct([load_results(f, source) for f in folders], [*map(str, folders)])
    return Comparison(compare_models(first, second))
