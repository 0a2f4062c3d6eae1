"""Write docs/mini-results.md from the committed submissions, so that no number is typed."""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path

from gdbench.records import MetricValue, ResultRecord
from gdbench.submissions.finished import open_record
from gdbench.tasks import GDBENCH, TASKS

HERE = Path(__file__).parent
PAGE = HERE / "mini-results.md"
VERSIONS = (("mini2", "Version 2"), ("mini", "Version 1"))


def _levels_script() -> object:
    """The script beside this one, which need not be on the path."""
    spec = importlib.util.spec_from_file_location("result_levels", HERE / "result_levels.py")
    assert spec is not None  # noqa: S101 # the file is beside this one
    assert spec.loader is not None  # noqa: S101
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def cell(m: MetricValue, task: str) -> str:
    """A value with its interval: x100, of bias as it is."""
    scale, places = (1, 2) if task == "bias" else (100, 1)
    interval = (
        f" ({scale * m.low:.{places}f} to {scale * m.high:.{places}f})"
        if m.low is not None and m.high is not None
        else ""
    )
    return f"{scale * m.value:.{places}f}{interval}"


def labeller(records: list[ResultRecord]) -> Callable[[ResultRecord], str]:
    """How a model is called: by its name, with its revision where there are several."""
    revisions = {(r.model.name, r.model.revision) for r in records}

    def label(record: ResultRecord) -> str:
        card = record.model
        alone = sum(name == card.name for name, _ in revisions) == 1
        return card.name if alone else f"{card.name}@{card.revision}"

    return label


def tables(records: list[ResultRecord]) -> list[str]:
    """The signatures of the models, and a table for each task."""
    label = labeller(records)
    models = sorted({label(r) for r in records})
    lines = []
    for name in models:
        first = next(r for r in records if label(r) == name)
        lines.append(f"- {name}: `{first.signature.replace(f'task:{first.task.name}', 'task:…')}`")
    for task in GDBENCH:
        found = {label(r): r for r in records if r.task.name == task}
        if not found:
            continue
        columns = [m for m in models if m in found]
        lines += ["", f"### {TASKS.get(task).title}", ""]
        lines.append("| metric | n | chance | " + " | ".join(columns) + " |")
        lines.append("| --- | ---: | ---: |" + " ---: |" * len(columns))
        for metric in found[columns[0]].metrics:
            cells = [cell(found[model].metric(metric.name), task) for model in columns]
            scale, places = (1, 2) if task == "bias" else (100, 1)
            chance = "" if metric.chance is None else f"{scale * metric.chance:.{places}f}"
            lines.append(f"| {metric.name} | {metric.n} | {chance} | " + " | ".join(cells) + " |")
    return lines


def render(submissions: Path) -> str:
    """The page for all submissions of the mini suites below a folder."""
    files = sorted(submissions.glob("*/*/*/record.json"))
    lines = [
        "# Results of the bundled models on the mini suite",
        "",
        "Values x100 with 95 % intervals over items; bias as effect size. Made by",
        "`python docs/make_results.py` from the records and scores in `submissions/`.",
    ]
    for suite, title in VERSIONS:
        read = [(path, open_record(path)) for path in files]
        found = [(p, r) for p, r in read if r.task.suite == suite and not r.partial]
        if not found:
            continue
        lines += ["", f"## {title} (`--suite {suite}`)", ""]
        if suite == VERSIONS[0][0]:
            lines += [*_levels_script().sections(found, labeller([r for _, r in found])), ""]  # type: ignore[attr-defined] # a module
        lines += tables([r for _, r in found])
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(render(HERE.parent / "submissions"), encoding="utf-8")
