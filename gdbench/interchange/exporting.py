"""Writes a finished run in a format of others."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from gdbench.errors import InputError
from gdbench.interchange import csv_table, every_eval_ever, hub_results, lm_eval
from gdbench.interchange.every_eval_ever import About, Relationship
from gdbench.interchange.finished_run import FinishedTask, model_id, read_run
from gdbench.store import write_atomically

Format = Literal["every-eval-ever", "hub-eval-results", "lm-eval", "csv"]


def export(
    run: Path,
    form: Format,
    out: Path,
    *,
    root: Path | None = None,
    model: str | None = None,
    organization: str = "unknown",
    relationship: Relationship = "other",
    dataset: str | None = None,
    source_url: str | None = None,
) -> list[Path]:
    """Write a run below the folder `out`; the same run gives the same bytes.

    Args:
        run: run directory, or a revision's folder of submissions.
        form: the format; which options it uses is in `docs/interchange.md`.
        out: made where it is not there; files of the same name are replaced.
        root: folder with the published data, for formats with a line for each item.
        model: `OWNER/NAME`; None: as the record says.
        organization: who ran the evaluation.
        relationship: of the evaluator to the model.
        dataset: hub id of the benchmark data set; None: the one that a task is published as.
        source_url: where the records are.

    Returns:
        The files that were written.

    Raises:
        InputError: The run is damaged or not finished, or something that the format needs is not
            known.
    """
    tasks = read_run(run, root)
    files: dict[str, bytes]
    if form == "csv":
        files = {"gdbench.csv": csv_table.table(tasks).encode()}
    elif form == "hub-eval-results":
        made = hub_results.entries(tasks, dataset, source_url)
        files = {".eval_results/gdbench.yaml": hub_results.text(made).encode()}
    elif form == "lm-eval":
        files = _lm_eval(tasks, model_id(tasks[0].record, model))
    else:
        about = About(model_id(tasks[0].record, model), organization, relationship)
        files = _every_eval_ever(tasks, about)
    for name, data in files.items():
        try:
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            write_atomically(out / name, data)
        except OSError as error:
            raise InputError(f"--out {out}: cannot be written ({error.strerror})") from error
    return [out / name for name in files]


def _lm_eval(tasks: tuple[FinishedTask, ...], model: str) -> dict[str, bytes]:
    folder, stamp = model.replace("/", "__"), lm_eval.stamp(tasks)
    files = {f"{folder}/results_{stamp}.json": _json(lm_eval.results(tasks, model))}
    for task in tasks:
        if task.has_items:
            name = f"{folder}/samples_gdbench_{task.record.task.name}_{stamp}.jsonl"
            files[name] = _lines(lm_eval.samples(task))
    return files


def _every_eval_ever(tasks: tuple[FinishedTask, ...], about: About) -> dict[str, bytes]:
    place = f"{every_eval_ever.folder(about)}/{every_eval_ever.file_name(tasks, about)}"
    samples = _lines(every_eval_ever.instances(tasks, about))
    whole = every_eval_ever.aggregate(tasks, about, samples or None)
    files = {f"{place}.json": _json(whole)}
    if samples:
        files[f"{place}_samples.jsonl"] = samples
    return files


def _json(content: dict[str, Any]) -> bytes:
    return json.dumps(content, indent=2, ensure_ascii=True, allow_nan=False).encode() + b"\n"


def _lines(rows: Iterable[dict[str, Any]]) -> bytes:
    texts = (json.dumps(row, ensure_ascii=True, allow_nan=False) for row in rows)
    return "".join(f"{text}\n" for text in texts).encode()
