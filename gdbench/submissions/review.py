"""What a pull request with submissions is answered with: verification and a comparison."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from gdbench.errors import GdbenchError
from gdbench.metrics.paired import PairedDifference
from gdbench.numbers import Unit, interval_text, value_text
from gdbench.records import ResultRecord
from gdbench.submissions.comparison import compare_models
from gdbench.submissions.finished import open_record
from gdbench.submissions.layout import RECORD, Place, task_folders, walk
from gdbench.submissions.manifest import ManifestSource
from gdbench.submissions.neighbours import Verified
from gdbench.submissions.results import TaskResults, load_results
from gdbench.submissions.verify import Report
from gdbench.tasks import of_record

_PROBLEMS = 30
_REFERENCES = 5
_LEVELS = 3  # model, revision, task


def code(text: object) -> str:
    """A stranger's text inside backticks, where Markdown and mentions have no meaning."""
    plain = re.sub(r"[^\x20-\x7e]", "?", str(text)).replace("`", "'").replace("|", "/")
    return f"`{plain[:200]}`" if plain else ""


def changed(report: Report) -> list[Verified]:
    """The submissions that are not in the tree they were judged against, or are others there."""
    paths = {"/".join(t.path.split("/")[:_LEVELS]) for t in report.touched}
    return [v for v in report.submissions if v.place.path in paths]


def review(report: Report, base: Path, source: ManifestSource | None = None) -> str:
    """Markdown: what is new, whether it verifies, and how it compares with what is in `base`."""
    new = changed(report)
    verdict = (
        "every number follows from its scores" if report.ok else f"{len(report.problems)} problems"
    )
    lines = [f"### Submissions: {verdict}", ""]
    lines += _table(
        ("submission", "evidence", "items", "score"),
        (
            (
                code(v.place.path),
                v.level.value,
                str(v.record.task.n_items) if v.record else "",
                _score(v.record) if v.record else "",
            )
            for v in new
        ),
    )
    if not new:
        lines += ["No submission is new or changed.", ""]
    refused = [t for t in report.touched if not t.allowed]
    if refused:
        lines += ["What is there may only be changed by maintainers:", ""]
        lines += [*(f"- {code(t.path)} {t.change}" for t in refused[:_PROBLEMS]), ""]
    if report.problems:
        lines += [
            f"- {code(p.path)} {p.check}: {code(p.problem)}" for p in report.problems[:_PROBLEMS]
        ]
        more = len(report.problems) - _PROBLEMS
        lines += [f"- and {more} more", ""] if more > 0 else [""]
    lines += [f"- {code(n.path)} {code(n.problem)}" for n in report.notes[:_PROBLEMS]]
    lines += [""] if report.notes else []
    usable = [v for v in new if v.level.usable]
    for folder in sorted({v.place.folder.parent for v in usable}):
        lines += _compared(folder, base, source)
    return "\n".join(lines).rstrip() + "\n"


def _score(record: ResultRecord) -> str:
    return value_text(record.score, of_record(record).score_unit)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    body = ["| " + " | ".join(row) + " |" for row in rows]
    if not body:
        return []
    return ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head), *body, ""]


def _compared(folder: Path, base: Path, source: ManifestSource | None) -> list[str]:
    """Tables of one new revision against the reference models in `base`."""
    try:
        mine = load_results(folder, source)
    except GdbenchError as error:
        return [f"{code(folder.name)} cannot be compared: {code(error)}", ""]
    lines: list[str] = []
    for other in islice(_references(mine, base, source), _REFERENCES):
        try:
            found = compare_models(mine, other)
        except GdbenchError:
            continue  # asked other questions: nothing to say
        rows = [
            *(found.tasks.rows if found.tasks else ()),
            *([found.overall] if found.overall else []),
        ]
        if rows:
            lines += [f"**{code(found.first)}** against **{code(found.second)}**", ""]
            head = ("", "new", "reference", "difference", "95 %", "p (Holm)")
            lines += _table(head, (_row(row, found.unit(row)) for row in rows))
    return lines


def _references(
    mine: TaskResults, base: Path, source: ManifestSource | None
) -> Iterator[TaskResults]:
    """Results in `base` that share a task with `mine`, most common tasks first."""
    folders = (
        sorted({p.folder.parent for p in walk(base) if isinstance(p, Place)})
        if base.is_dir()
        else []
    )
    order = []
    for folder in folders:
        try:
            records = [open_record(path / RECORD) for path in task_folders(folder)]
        except GdbenchError:
            continue  # verification says what is wrong with it
        names = {f"{r.model.name}@{r.model.revision}" for r in records}
        common = len(mine.tasks.keys() & {r.task.name for r in records})
        if common and mine.name not in names:
            order.append((-common, min(names), folder))
    for _, _, folder in sorted(order):
        try:
            yield load_results(folder, source)
        except GdbenchError:
            continue


def _row(r: PairedDifference, unit: Unit) -> tuple[str, ...]:
    interval = interval_text(r.low, r.high, unit, difference=True)
    p = r.p_value if r.p_holm is None else r.p_holm
    difference = value_text(r.difference, unit, difference=True)
    bold = f"**{difference}**" if r.significant() else difference
    return (
        code(r.name),
        value_text(r.first, unit),
        value_text(r.second, unit),
        bold,
        interval,
        f"{p:.2g}",
    )
