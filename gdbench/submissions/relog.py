"""`gdbench score RUN`: all metrics again from the score log, other norm, budget or tie rule."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gdbench.errors import InputError
from gdbench.metrics.denoising import is_weighted, matrix_of
from gdbench.metrics.levels import level_of
from gdbench.metrics.measures import TieRule, tie_rule
from gdbench.metrics.summary import score_interval, summarise, task_score
from gdbench.operations import OTHER_OPTIONS, fewer, logged_passes
from gdbench.protocol import Label, Scores
from gdbench.records import Cost, ModelSettings, Norm, Operations, ResultRecord
from gdbench.signature import signature, with_ties
from gdbench.store import hash_scores
from gdbench.submissions.finished import Finished, open_run
from gdbench.submissions.manifest import ManifestSource
from gdbench.submissions.setting_checks import derived_noise


def score_run(
    run: Path,
    *,
    norm: Norm | None = None,
    normalise: bool | None = None,
    samples: int | None = None,
    ties: TieRule | None = None,
    seed: int | None = None,
    level: int | None = None,
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
        level: only items of this level (1 is the easiest), where the suite has levels.
        source: where the items of suites other than mini are.

    Raises:
        InputError: an option needs per-timestep errors and the log has none, or more timesteps
            than there are, or a prefix of timesteps that are no sample of all (2023's grid), or no
            item of a task has the level.
    """
    return [
        score_finished(
            f, norm=norm, normalise=normalise, samples=samples, ties=ties, seed=seed, level=level
        )
        for f in open_run(run, source or ManifestSource())
    ]


def score_finished(
    finished: Finished,
    *,
    norm: Norm | None = None,
    normalise: bool | None = None,
    samples: int | None = None,
    ties: TieRule | None = None,
    seed: int | None = None,
    level: int | None = None,
) -> ResultRecord:
    """The record of one finished task as if it had been made with these options; see `score_run`.

    Raises InputError as `score_run`.
    """
    record, task, labels = finished.record, finished.task, finished.labels
    info = record.task
    log: Sequence[Scores] = finished.scores
    settings = record.settings
    if (norm, normalise, samples) != (None, None, None):
        settings = changed(settings, norm, normalise, samples, where=str(finished.folder))
        log = [rescored(s, settings) for s in log]
    if level is not None:
        places = places_at(labels, level, where=str(finished.folder))
        labels, log = [labels[k] for k in places], [log[k] for k in places]
    matrices = [s.matrix for s in log]
    interval = score_interval(
        task.measures, task.primary, labels, matrices, ties=ties or tie_rule(info.compat)
    )
    metrics = summarise(
        task.measures,
        labels,
        matrices,
        ties=ties,
        seed=record.resampling_seed if seed is None else seed,
        errors=(lambda: log) if settings.timesteps is not None else None,
        settings=settings,
        compat=info.compat,
    )
    text = signature(info, record.model, settings, record.content)
    if ties is not None:
        text = with_ties(text, ties)
    if level is not None:
        text = f"{text}|level:{level}"
    return record.model_copy(
        update={
            "settings": settings,
            "metrics": metrics,
            "score": task_score(task.primary, metrics),
            "score_low": interval.low if interval else None,
            "score_high": interval.high if interval else None,
            "signature": text,
            "scores_sha256": hash_scores(log),
            "cost": cost_of(record, settings, finished.scores, log),
        }
    )


def places_at(labels: Sequence[Label], level: int, *, where: str) -> list[int]:
    """Where the items of a level are. Raises InputError where there are none."""
    levels = [level_of(label) for label in labels]
    if level not in levels:
        known = sorted({found for found in levels if found is not None})
        have = (
            f"it has levels {', '.join(map(str, known))}" if known else "its items have no levels"
        )
        raise InputError(f"{where}: no item of level {level}; {have}")
    return [place for place, found in enumerate(levels) if found == level]


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
    if is_weighted(settings):
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
    if samples is not None and samples < len(steps):
        update["noise_sha256"] = _noise_of_prefix(settings, samples)
    return settings.model_copy(update=update)


def _noise_of_prefix(settings: ModelSettings, samples: int) -> str | None:
    """The hash of the noise of the first timesteps; None where the noise is not gdbench's own."""
    shape, steps = settings.latent_shape, settings.timesteps
    if shape is None or len(shape) != 3 or steps is None:  # noqa: PLR2004 # channels, height, width
        return None
    channels, height, width = shape
    whole, prefix = (
        derived_noise(settings.noise, (channels, height, width), settings.seed, steps[:n])
        for n in (len(steps), samples)
    )
    # another processor's logarithm may differ in the last bit: then it cannot be made here
    return prefix if whole == settings.noise_sha256 else None


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
    matrix = matrix_of(errors, base, settings)
    return Scores(scores.item_id, matrix, errors, base, scores.truncated_texts)


def cost_of(
    record: ResultRecord,
    settings: ModelSettings,
    before: Sequence[Scores],
    log: Sequence[Scores],
) -> Cost:
    """What a run with these settings would have cost, as far as the log tells.

    Passes follow from the log. Seconds and memory are of the run that was made: under settings
    that take other passes nobody has measured them.
    """
    cost = record.cost
    timed = ("samples", "timesteps", "normalise")
    if all(getattr(settings, name) == getattr(record.settings, name) for name in timed):
        return cost
    unknown = dict.fromkeys(
        ("wall_seconds", "device_seconds", "peak_memory_bytes", "peak_device_memory_bytes")
    )
    operations = cost.operations
    if isinstance(operations, Operations):
        same = settings.normalise == record.settings.normalise
        operations = fewer(operations, before, log) if same else OTHER_OPTIONS
    passes = None
    if cost.unet_evaluations is not None:
        passes = logged_passes(log, normalise=settings.normalise is not False)
        if settings.normalise == record.settings.normalise:
            # work that was lost and done again, and passes that other tasks had spent already
            known = logged_passes(before, normalise=settings.normalise is not False)
            passes = round(cost.unet_evaluations * passes / known) if known else None
    return cost.model_copy(update={**unknown, "unet_evaluations": passes, "operations": operations})
