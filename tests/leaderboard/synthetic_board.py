"""Made-up records in any number: the same for the same arguments."""

from __future__ import annotations

import hashlib
import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gdbench.evaluation import evaluate
from gdbench.leaderboard.judge import whole
from gdbench.leaderboard.judged.trust import Trust
from gdbench.metrics.denoising import score_matrix
from gdbench.metrics.measures import EffectSize
from gdbench.protocol import ModelCard, Scores
from gdbench.records import (
    Content,
    Cost,
    Environment,
    MetricValue,
    ModelSettings,
    Operations,
    ResultRecord,
    TaskInfo,
)
from gdbench.submissions.levels import Level
from gdbench.tasks import GDBENCH, TASKS

FAMILIES = ("contrastive", "diffusion-unet", "diffusion-transformer", "generative-vlm", "control")
ENVIRONMENT = Environment(gdbench="0.1.0", python="3.11.9", platform="Linux",
                          packages={"torch": "2.15.0", "numpy": "2.4.1"})  # fmt: skip


def sha(*words: object) -> str:
    return hashlib.sha256("/".join(map(str, words)).encode()).hexdigest()


def card(index: int) -> ModelCard:
    rng = random.Random(index)
    family = FAMILIES[index % len(FAMILIES)] if index % 7 else "contrastive"
    return ModelCard(
        name=f"model-{index:03d}",
        revision=sha("revision", index)[:7],
        family=family,
        source=f"someone/model-{index:03d}",
        parameters=None if family == "control" else int(10 ** rng.uniform(7, 10.3)),
        resolution=224,
        license="Apache-2.0",
        url=f"https://models.example/{index}",
        description=f"Made-up model number {index}.",
        bibtex=f"@misc{{m{index},\n  title = {{Model {index}}},\n  year = {{2026}}\n}}",
    )


def metrics_of(task_name: str, suite: str, skill: float, rng: random.Random) -> list[MetricValue]:
    task = TASKS.get(task_name)
    n_all = sum(task.expected[suite].values())
    found = []
    for measure in task.measures:
        if isinstance(measure, EffectSize):
            if (measure.topic == "planted") is (suite == "full"):
                continue
            value = round(rng.gauss(0.6 - skill / 2, 0.5), 4)
            half = 0.15
            found.append(
                MetricValue(name=measure.name, value=value, low=value - half, high=value + half,
                            n=500, p_value=rng.random() ** 4)
            )  # fmt: skip
            continue
        n = max(40, n_all // 3)
        chance = 0.5 if task_name in {"aro", "svo", "clevr"} else 0.1
        value = min(0.99, max(0.0, chance + (1 - chance) * skill * rng.uniform(0.7, 1.1)))
        half = 1.96 * (value * (1 - value) / n) ** 0.5
        ties = rng.randrange(5)
        found.append(
            MetricValue(
                name=measure.name, value=value, low=max(0, value - half), high=min(1, value + half),
                n=n, chance=chance, ties=ties, strict=max(0, value - ties / n),
                lenient=min(1, value + ties / n), noise_se=0.004,
            )
        )  # fmt: skip
    if task_name == "bias":
        mean = sum(abs(m.value) for m in found) / len(found)
        found.append(MetricValue(name="mean_abs_effect", value=mean, n=500))
    return found


def operations(index: int, n: int, *, diffusion: bool) -> Operations | str | None:
    """Those of a model with n items; unknown for one in eleven, not yet counted for another."""
    if index % 11 in (5, 7):
        return None if index % 11 == 5 else "a longer text takes more"
    return Operations(
        pictures=n, texts=n, passes=n * 100 if diffusion else 0,
        picture_flops=10**9 + index, text_flops=10**8,
        pass_flops=8 * 10**11 if diffusion else 0,
    )  # fmt: skip


def record(
    index: int, task_name: str, suite: str = "full", model: ModelCard | None = None
) -> ResultRecord:
    rng = random.Random(f"{index}/{task_name}/{suite}")
    model = model or card(index)
    task = TASKS.get(task_name)
    skill = 0.0 if model.family == "control" else random.Random(f"skill{index}").uniform(0.05, 0.95)
    metrics = metrics_of(task_name, suite, skill, rng)
    by_name = {m.name: m.value for m in metrics}
    n = task.n_expected(suite) or 300
    diffusion = model.family.startswith("diffusion")
    settings = (
        ModelSettings(samples=50, timesteps=tuple(range(10, 990, 20)), schedule="grid", norm="l2",
                      normalise=True, noise="independent", prediction="epsilon",
                      noise_sha256=sha("noise"), latent_shape=(4, 64, 64))
        if diffusion
        else ModelSettings()
    )  # fmt: skip
    return ResultRecord(
        task=TaskInfo(name=task_name, version=task.version, suite=suite, n_items=n,
                      manifest_sha256=sha("items", task_name, suite), n_expected=n),
        model=model,
        settings=settings,
        metrics=tuple(metrics),
        score=sum(by_name[p] for p in task.primary) / len(task.primary) if task.primary else None,
        cost=Cost(unet_evaluations=n * 100 if diffusion else None,
                  operations=operations(index, n, diffusion=diffusion),
                  wall_seconds=n * (1.7 if diffusion else 0.02) * rng.uniform(0.5, 20),
                  peak_memory_bytes=3_000_000_000,
                  peak_device_memory_bytes=9_000_000_000 if index % 2 else None,
                  device="cuda:0" if index % 2 else "cpu"),
        environment=ENVIRONMENT,
        signature=f"gdb|task:{task_name}|n:{n}|model:{model.name}@{model.revision}|v1",
        scores_sha256=sha("scores", index, task_name, suite),
        created=f"2026-{1 + index % 12:02d}-{1 + index % 28:02d}T12:00:00+00:00",
    )  # fmt: skip


def records(n_models: int, suite: str = "full") -> Iterator[ResultRecord]:
    for index in range(n_models):
        for name in GDBENCH:
            yield record(index, name, suite)


def write(folder: Path, *found: ResultRecord) -> Path:
    """Write records as submissions; returns the folder."""
    for one in found:
        place = folder / one.model.name / one.model.revision / sha(one.task.name)[:8]
        if one.task.name in GDBENCH:
            place = place.with_name(one.task.name)
        place.mkdir(parents=True, exist_ok=True)
        (place / "record.json").write_text(one.model_dump_json(indent=2))
    return folder


class Guesser:
    """Scores items of the mini suite from their labels without looking: right with some skill.

    With `timesteps` it also has errors, noisy for few timesteps.
    """

    def __init__(self, name: str, skill: float, *, timesteps: int = 0, family: str = "contrastive"):
        self.card = ModelCard(name=name, revision="1", family=family, parameters=1_000_000,
                              license="MIT", description="Knows the answers.")  # fmt: skip
        self.content = Content(parts={"answers": hashlib.sha256(name.encode()).hexdigest()})
        self.skill = skill
        self.timesteps = timesteps
        self.settings = (
            ModelSettings(samples=timesteps, timesteps=tuple(np.random.default_rng(0).permutation(
                np.arange(10, 990, 980 // timesteps))[:timesteps].tolist()), schedule="nested",
                norm="l2", normalise=True, prediction="epsilon", latent_shape=(4, 16, 16))
            if timesteps
            else ModelSettings()
        )  # fmt: skip

    def score(self, images, texts):
        raise AssertionError("score_items is used")

    def score_items(self, items):
        for item in items:
            rng = np.random.default_rng(list(f"{self.card.name}/{item.id}".encode()))
            shape = (len(item.images), len(item.texts))
            truth = np.zeros(shape, dtype=np.float32)
            if item.query.value == "matching":
                truth[range(len(item.gold)), item.gold] = 1
            elif item.query.value == "image_retrieval":
                truth[item.gold[0], 0] = 1
            else:
                truth[0, item.gold[0]] = 1
            matrix = (self.skill * truth + rng.normal(size=shape)).astype(np.float32)
            if not self.timesteps:
                yield Scores(item.id, matrix)
                continue
            noise = rng.normal(scale=2, size=(*shape, self.timesteps))
            errors = (16 - matrix[..., None] + noise).astype(np.float32)
            base = np.full((shape[0], self.timesteps), 16, dtype=np.float32)
            yield Scores(item.id, score_matrix(errors, base), errors, base)


def guessed(folder: Path, *models: Guesser, limit: int | None = 2) -> Path:
    """Real submissions of the mini suite by guessers; returns the folder."""
    tasks = [TASKS.get(name) for name in GDBENCH]
    for model in models:
        run = folder.with_name(f"{folder.name}-runs") / model.card.name
        evaluate(model, tasks, run, suite="mini", limit=limit)
        for task in GDBENCH:
            place = folder / model.card.name / model.card.revision / task
            place.mkdir(parents=True)
            shutil.copy(run / task / "scores.parquet", place)
            made = ResultRecord.model_validate_json((run / task / "record.json").read_bytes())
            took = max(made.cost.wall_seconds, 0.01)  # guessing can take less than the clock shows
            made = made.model_copy(
                update={"cost": made.cost.model_copy(update={"wall_seconds": took})}
            )
            (place / "record.json").write_text(made.model_dump_json(indent=2))
    return folder


@contextmanager
def as_if_run_again():
    """Every result counts as audited: ranks, comparisons and costs are among those alone."""
    real = whole.trusted

    def trusted(*given):
        audited = Trust(Level.AUDITED.value)
        return {file: replace(found, trust=audited) for file, found in real(*given).items()}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(whole, "trusted", trusted)
        yield
