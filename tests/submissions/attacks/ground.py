"""Where attacks are carried out, and the tools of the trade."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from gdbench.metrics.summary import score_interval, summarise, task_score
from gdbench.protocol import ModelCard, Scores
from gdbench.signature import signature
from gdbench.store import hash_scores
from gdbench.submissions.finished import open_finished
from gdbench.submissions.levels import Level
from gdbench.submissions.logs import Audit
from gdbench.submissions.manifest import ManifestSource
from gdbench.submissions.scores import encode
from gdbench.submissions.verify import Report, verify

SOURCE = ManifestSource()
VICTIM = "hashing/1/winoground"


@dataclass(frozen=True)
class Ground:
    """Where attacks are carried out."""

    base: Path
    """The target branch's submissions: two honest models."""
    proposed: Path
    """A copy, which the attacker may change."""
    tmp: Path


@dataclass(frozen=True)
class Case:
    """One attack."""

    name: str
    caught_by: str
    run: Callable[[Ground], None]


CASES: list[Case] = []


def attack(
    name: str, caught_by: str
) -> Callable[[Callable[[Ground], None]], Callable[[Ground], None]]:
    def add(run: Callable[[Ground], None]) -> Callable[[Ground], None]:
        CASES.append(Case(name, caught_by, run))
        return run

    return add


def judged(g: Ground) -> Report:
    return verify(g.proposed, SOURCE, against=g.base)


def levels(report: Report) -> dict[str, Level]:
    return {v.place.path: v.level for v in report.submissions}


def refused(report: Report, path: str, change: str) -> bool:
    return any((t.path, t.change, t.allowed) == (path, change, False) for t in report.touched)


def invent(
    g: Ground, name: str, scores: list[Scores] | None = None, *, like: str = VICTIM,
    **card: object,
) -> Path:  # fmt: skip
    """A submission that is consistent in itself: every number follows from the scores."""
    finished = open_finished(g.base / like, SOURCE)
    scores = list(finished.scores) if scores is None else scores
    task, labels = finished.task, finished.labels
    matrices = [s.matrix for s in scores]
    metrics = summarise(task.measures, labels, matrices)
    interval = score_interval(task.measures, task.primary, labels, matrices)
    model = ModelCard(name=name, revision="1", **card)
    record = finished.record.model_copy(
        update={
            "model": model,
            "metrics": metrics,
            "score": task_score(task.primary, metrics),
            "score_low": interval.low if interval else None,
            "score_high": interval.high if interval else None,
            "scores_sha256": hash_scores(scores),
            "items_root": None,
            "signature": signature(
                finished.record.task, model, finished.record.settings, finished.record.content
            ),
        }
    )
    folder = g.proposed / name / "1" / finished.record.task.name
    folder.mkdir(parents=True)
    (folder / "scores.parquet").write_bytes(encode(scores, errors=False))
    (folder / "record.json").write_text(record.model_dump_json())
    return folder


def perfect(g: Ground) -> list[Scores]:
    finished = open_finished(g.base / VICTIM, SOURCE)
    rng = np.random.default_rng(0)
    return [
        Scores(s.item_id, (np.eye(2) * 9 + rng.normal(size=(2, 2))).astype(np.float32))
        for s in finished.scores
    ]


def entry(path: str, folder: Path) -> Audit:
    digest = json.loads((folder / "record.json").read_text())["scores_sha256"]
    return Audit(path, digest, 30, 30, 0.0, 2.0, 0.99, "typed", "me", "2026-01-31")


def changed(g: Ground, like: str, change: Callable[[np.ndarray], np.ndarray]) -> list[Scores]:
    return [
        replace(s, matrix=change(s.matrix)) for s in open_finished(g.base / like, SOURCE).scores
    ]
