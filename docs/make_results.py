"""Write docs/mini-results.md from the committed submissions, so that no number is typed."""

from pathlib import Path

from gdbench.records import ResultRecord
from gdbench.submissions.finished import open_record
from gdbench.tasks import GDBENCH, TASKS

HERE = Path(__file__).parent
PAGE = HERE / "mini-results.md"


def render(submissions: Path) -> str:
    """The page for all submissions of the mini suite below a folder."""
    records = [open_record(path) for path in sorted(submissions.glob("*/*/*/record.json"))]
    records = [r for r in records if r.task.suite == "mini" and not r.partial]
    revisions = {(r.model.name, r.model.revision) for r in records}

    def label(record: ResultRecord) -> str:
        """The model's name, with its revision where there are several."""
        card = record.model
        alone = sum(name == card.name for name, _ in revisions) == 1
        return card.name if alone else f"{card.name}@{card.revision}"

    models = sorted({label(r) for r in records})
    lines = [
        "# Results of the bundled models on the mini suite",
        "",
        "Values x100 with 95 % intervals over items; bias as effect size. Made by",
        "`python docs/make_results.py` from the records in `submissions/`.",
        "",
    ]
    for name in models:
        first = next(r for r in records if label(r) == name)
        lines.append(f"- {name}: `{first.signature.replace(f'task:{first.task.name}', 'task:…')}`")
    for task in GDBENCH:
        found = {label(r): r for r in records if r.task.name == task}
        if not found:
            continue
        columns = [m for m in models if m in found]
        lines += ["", f"## {TASKS.get(task).title}", ""]
        lines.append("| metric | n | chance | " + " | ".join(columns) + " |")
        lines.append("| --- | ---: | ---: |" + " ---: |" * len(columns))
        for metric in found[columns[0]].metrics:
            scale, places = (1, 2) if task == "bias" else (100, 1)
            cells = []
            for model in columns:
                m = found[model].metric(metric.name)
                interval = (
                    f" ({scale * m.low:.{places}f} to {scale * m.high:.{places}f})"
                    if m.low is not None and m.high is not None
                    else ""
                )
                cells.append(f"{scale * m.value:.{places}f}{interval}")
            chance = "" if metric.chance is None else f"{scale * metric.chance:.{places}f}"
            lines.append(f"| {metric.name} | {metric.n} | {chance} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(render(HERE.parent / "submissions"), encoding="utf-8")
