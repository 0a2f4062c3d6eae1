"""The part of docs/mini-results.md about version 2: abilities by level, the paper's findings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gdbench.metrics.denoising import score_matrix
from gdbench.metrics.levels import by_level
from gdbench.metrics.measures import AnyMeasure, EffectSize, PairMatching, Recall
from gdbench.metrics.summary import summarise
from gdbench.protocol import Label, Query, Scores
from gdbench.records import MetricValue, ResultRecord
from gdbench.submissions.finished import open_finished
from gdbench.submissions.manifest import ManifestSource
from gdbench.tasks import GDBENCH, TASKS

CONTROLS = ("constant", "random", "text-only-", "image-only-")
CEILING = 0.95
ABILITIES: tuple[AnyMeasure, ...] = (
    Recall("recognition", ("recognition_color", "recognition_shape"), by="subtask"),
    Recall(
        "binding",
        ("pair_binding_size", "pair_binding_color", "binding_color_shape", "binding_shape_color",
         "vg_attribution"),
        by="subtask",
    ),
    Recall("relation", ("spatial", "vg_relation"), by="subtask"),
    Recall("order", ("coco_order", "flickr30k_order"), by="subtask"),
)  # fmt: skip
Found = Sequence[tuple[Path, ResultRecord]]
Matrix = NDArray[np.float32]


@dataclass(frozen=True)
class Log:
    """Labels and scores of one model on one task."""

    record: ResultRecord
    labels: Sequence[Label]
    scores: Sequence[Scores]

    @property
    def matrices(self) -> list[Matrix]:
        """The scores as they were submitted."""
        return [s.matrix for s in self.scores]


def is_control(name: str) -> bool:
    """Whether a model sees one side only, or nothing."""
    return name.startswith(CONTROLS)


def shown(measure: AnyMeasure) -> bool:
    """Whether a measure stands in the table of levels: one sub-task, the best candidate."""
    if isinstance(measure, Recall):
        alone = len(measure.subtasks) == 1 and measure.by == "micro"
        return alone and measure.k == 1 and not measure.flipped
    return isinstance(measure, EffectSize) or (
        isinstance(measure, PairMatching) and measure.tag is None
    )


def value(m: MetricValue, scale: int) -> str:
    """A value with its interval."""
    places = 2 if scale == 1 else 0
    text = f"{scale * m.value:.{places}f}"
    if m.low is None or m.high is None:
        return text
    return f"{text} ({scale * m.low:.{places}f} to {scale * m.high:.{places}f})"


def table(head: list[str], rows: list[list[str]], names: int) -> list[str]:
    """A table in Markdown, its first `names` columns aligned to the left."""
    rule = ["---"] * names + ["---:"] * (len(head) - names)
    return [f"| {' | '.join(row)} |" for row in (head, rule, *rows)]


def sections(found: Found, label: Callable[[ResultRecord], str]) -> list[str]:
    """The part of the page before the tables of the tasks."""
    logs: dict[str, dict[str, Log]] = {}
    for path, record in found:
        finished = open_finished(path.parent, ManifestSource())
        log = Log(record, finished.labels, finished.scores)
        logs.setdefault(record.task.name, {})[label(record)] = log
    models = sorted({label(r) for _, r in found}, key=lambda name: (is_control(name), name))
    return [
        *_by_level(logs, models),
        *_abilities(logs, models),
        *_naive(logs, models),
        *_association(logs, models),
    ]


def _by_level(logs: dict[str, dict[str, Log]], models: list[str]) -> list[str]:
    rows, spread = [], []
    for task in (name for name in GDBENCH if name in logs):
        measures = tuple(m for m in TASKS.get(task).measures if shown(m))
        levels = {
            name: by_level(measures, log.labels, log.matrices) for name, log in logs[task].items()
        }
        first = next(iter(levels.values()))
        names = [m.name for m in measures if any(f.name == m.name for f in first[min(first)])]
        for name in names:
            for level in first:
                cells = {
                    model: next(m for m in found[level] if m.name == name)
                    for model, found in levels.items()
                }
                scale = 1 if task == "bias" else 100
                any_cell = next(iter(cells.values()))
                chance = f"{scale * (any_cell.chance or 0):.0f}"
                line = [value(cells[m], scale) if m in cells else "" for m in models]
                rows.append([task, name, str(level), str(any_cell.n), chance, *line])
                if task != "bias":
                    spread.append({m: c for m, c in cells.items() if not is_control(m)})
    full = sum(all(c.value >= CEILING for c in cells.values()) for cells in spread)
    none = sum(all(_at_chance(c) for c in cells.values()) for cells in spread)
    return [
        "### By level",
        "",
        *table(["task", "sub-task", "level", "n", "chance", *models], rows, 2),
        "",
        f"Of {len(spread)} cells (sub-task x level, without bias) {full} are at the ceiling for "
        f"all trained models (95 or more) and {none} at chance for all (the interval has chance).",
        "",
    ]


def _at_chance(m: MetricValue) -> bool:
    return m.chance is not None and (m.low or 0) <= m.chance <= (1 if m.high is None else m.high)


def _abilities(logs: dict[str, dict[str, Log]], models: list[str]) -> list[str]:
    rows = []
    columns = [m for m in models if m in logs.get("clevr", {}) and m in logs.get("aro", {})]
    found = {
        model: by_level(
            ABILITIES,
            [*logs["clevr"][model].labels, *logs["aro"][model].labels],
            [*logs["clevr"][model].matrices, *logs["aro"][model].matrices],
        )
        for model in columns
    }
    for place, measure in enumerate(ABILITIES):
        for level in (1, 2, 3):
            cells = [found[model][level][place] for model in columns]
            if cells:
                rows.append(
                    [measure.name, str(level), str(cells[0].n), *(value(c, 100) for c in cells)]
                )
    return [
        "### Abilities by level: generative against discriminative",
        "",
        "Means over the sub-tasks of clevr and aro; chance 50, of order 20.",
        "",
        *table(["ability", "level", "n", *columns], rows, 1),
        "",
    ]


def _naive(logs: dict[str, dict[str, Log]], models: list[str]) -> list[str]:
    """Image retrieval by the plain error and by the normalised one, from the logged errors."""
    measures = {
        "flickr30k": (Recall("image_r1", ("image_retrieval",)),),
        "imagecode": (Recall("static_r1", ("static",)), Recall("video_r1", ("video",))),
    }
    rows = []
    for task, wanted in measures.items():
        for model in models:
            log = logs.get(task, {}).get(model)
            if log is None or any(s.errors is None for s in log.scores):
                continue
            kept = [
                (label, s)
                for label, s in zip(log.labels, log.scores, strict=True)
                if label.query is Query.IMAGE_RETRIEVAL
            ]
            labels = [label for label, _ in kept]
            plain = [
                score_matrix(s.errors, s.unconditional_errors, normalise=False) for _, s in kept
            ]
            ours = [s.matrix for _, s in kept]
            for naive, normalised in zip(
                summarise(wanted, labels, plain), summarise(wanted, labels, ours), strict=True
            ):
                rows.append(
                    [task, naive.name, model, str(naive.n), value(naive, 100),
                     value(normalised, 100)]
                )  # fmt: skip
    if not rows:
        return []
    head = ["task", "metric", "model", "n", "naive", "normalised"]
    return [
        "### Naive against normalised image retrieval",
        "",
        "One of ten pictures (chance 10). Naive: minus the error alone. Normalised: minus the",
        "error, plus that under the empty prompt. From the errors in the submissions.",
        "",
        *table(head, rows, 3),
        "",
    ]


def _association(logs: dict[str, dict[str, Log]], models: list[str]) -> list[str]:
    rows = []
    for model in (m for m in models if m in logs.get("bias", {})):
        record = logs["bias"][model].record
        cells = []
        for pair in ("dax_wug", "fep_zam"):
            m = record.metric(pair)
            told = m.low is not None and m.high is not None and not m.low <= 0 <= m.high
            cells += [value(m, 1), "decided" if told else "undecided"]
        rows.append([model, *cells])
    if not rows:
        return []
    return [
        "### The planted association, and a pair without one",
        "",
        "Effect sizes with 95 % intervals, n = 300 pictures a pair. dax was mostly described with",
        "pleasant words in training (the true sign is positive), fep and zam with both alike. That",
        "is no clean null: fep is round as dax is, and zam has corners as wug has, so a model that",
        "goes by form carries the association over. mini-sd-early has seen neither.",
        "",
        *table(["model", "dax_wug (planted)", "", "fep_zam (none)", ""], rows, 1),
        "",
    ]
