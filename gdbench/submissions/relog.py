"""`gdbench score RUN`: all metrics again from the score log, other norm, budget or tie rule."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gdbench.errors import InputError
from gdbench.metrics.denoising import score_matrix
from gdbench.metrics.measures import TieRule
from gdbench.metrics.summary import score_interval, summarise, task_score
from gdbench.protocol import Scores
from gdbench.records import ModelSettings, Norm, ResultRecord
from gdbench.signature import signature
from gdbench.store import hash_scores
from gdbench.submissions.manifest import ManifestSource
from gdbench.submissions.submit import read_log, records_of
from gdbench.tasks import TASKS


def score_run(
    run: Path,
    *,
    norm: Norm | None = None,
    normalise: bool | None = None,
    samples: int | None = None,
    ties: TieRule | None = None,
    seed: int | None = None,
    source: ManifestSource | None = None,
) -> list[ResultRecord]:
    """The records of a run as if it had been made with these options; nothing is written.

    Args:
        run: run directory (or a revision's folder of submissions with errors).
        norm: "l2" or "mse"; None: as in the run.
        normalise: subtract the unconditional error; None: as in the run.
        samples: only the first so many timesteps of the log.
        ties: tie rule; None: as in the run.
        seed: of the resampling; None: as in the run.
        source: where the items of suites other than mini are.

    Raises:
        InputError: an option needs per-timestep errors and the log has none, or more timesteps
            than there are, or a prefix of timesteps that are no sample of all (2023's grid).
    """
    found = []
    for folder, record in records_of(run):
        task = TASKS.get(record.task.name)
        info = record.task
        labels = (source or ManifestSource()).get(task, info.suite, info.compat).labels
        log = before = read_log(folder, record)
        unknown = next((s.item_id for s in log if s.item_id not in labels), None)
        if unknown is not None:
            raise InputError(
                f"{folder}: item {unknown!r} is not in task {task.name} ({info.suite})"
            )
        settings = record.settings
        if (norm, normalise, samples) != (None, None, None):
            settings = changed(settings, norm, normalise, samples, where=str(folder))
            log = [rescored(s, settings) for s in log]
        rule: TieRule = ties or ("expected" if info.compat is None else "release-2023")
        ordered, matrices = [labels[s.item_id] for s in log], [s.matrix for s in log]
        interval = score_interval(task.measures, task.primary, ordered, matrices, ties=rule)
        metrics = summarise(
            task.measures,
            ordered,
            matrices,
            ties=rule,
            seed=settings.seed if seed is None else seed,
            errors=(lambda log=log: log) if settings.timesteps is not None else None,  # type: ignore[misc] # bound now
            settings=settings,
            compat=info.compat,
        )
        text = signature(info, record.model, settings)
        if ties is not None:
            body, _, version = text.rpartition("|")
            text = f"{body}|ties:{ties}|{version}"
        found.append(
            record.model_copy(
                update={
                    "settings": settings,
                    "metrics": metrics,
                    "score": task_score(task.primary, metrics),
                    "score_low": interval.low if interval else None,
                    "score_high": interval.high if interval else None,
                    "signature": text,
                    "scores_sha256": hash_scores(log),
                    "cost": record.cost.model_copy(
                        update={"unet_evaluations": evaluations(record, before, log)}
                    ),
                }
            )
        )
    return found


def changed(
    settings: ModelSettings,
    norm: Norm | None,
    normalise: bool | None,  # noqa: FBT001 # three states
    samples: int | None,
    *,
    where: str,
) -> ModelSettings:
    """The settings with other options. Raises InputError where the log cannot serve them."""
    steps = settings.timesteps
    if steps is None:
        raise InputError(
            f"{where}: {'--samples' if samples else '--norm and --no-normalise'} need a model that "
            "averages over timesteps"
        )
    if settings.weighting not in (None, "uniform", "none"):
        raise InputError(f"{where}: the run weighs timesteps ({settings.weighting})")
    update: dict[str, object] = {}
    if samples is not None:
        if not 1 <= samples <= len(steps):
            raise InputError(f"{where}: --samples {samples}, the log has 1 to {len(steps)}")
        if settings.schedule == "grid" and samples < len(steps):
            raise InputError(
                f"{where}: the run's timesteps are the grid of the 2023 release, in order; the "
                f"first {samples} of them are no sample of all. Runs without --compat can be cut."
            )
        update |= {"samples": samples, "timesteps": steps[:samples]}
    if norm is not None:
        update["norm"] = norm
    if normalise is not None:
        update["normalise"] = normalise
    if update.get("norm", settings.norm) == "mse" and settings.latent_shape is None:
        raise InputError(f"{where}: --norm mse needs the latent's shape, the run did not record it")
    # The hash of the noise covers all timesteps of the run, not the first of them.
    if samples is not None and samples < len(steps):
        update["noise_sha256"] = None
    return settings.model_copy(update=update)


def rescored(scores: Scores, settings: ModelSettings) -> Scores:
    """Scores from the errors under other settings. Raises InputError where there are none."""
    if scores.errors is None or settings.timesteps is None:
        raise InputError(
            f"item {scores.item_id!r} has no per-timestep errors in the log; use the run itself, "
            "or submit with --with-errors"
        )
    n = len(settings.timesteps)
    errors = scores.errors[..., :n]
    base = None if scores.unconditional_errors is None else scores.unconditional_errors[:, :n]
    if settings.normalise and base is None and len(errors) > 1:
        raise InputError(f"item {scores.item_id!r} has no unconditional errors: use --no-normalise")
    matrix = score_matrix(
        errors,
        base,
        norm=settings.norm or "l2",
        normalise=bool(settings.normalise),
        latent_size=math.prod(settings.latent_shape or (1,)),
    )
    return Scores(scores.item_id, matrix, errors, base, scores.truncated_texts)


def evaluations(
    record: ResultRecord, before: Sequence[Scores], log: Sequence[Scores]
) -> int | None:
    """Network evaluations behind the scores: the run's, by the share of errors that is used."""
    total = record.cost.unet_evaluations
    known = [
        sum(int(np.isfinite(s.errors).sum()) for s in part if s.errors is not None)
        for part in (before, log)
    ]
    return total if total is None or not known[0] else round(total * known[1] / known[0])
