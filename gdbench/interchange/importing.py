"""Result files of CLIP_benchmark and MTEB as reported numbers: shown apart, never ranked.

A number is taken over only where it answers the same question as one of ours. Recall among all
pictures of a split, for example, is another question than recall among ten.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gdbench.data.published import Direction, Figure, Source
from gdbench.errors import InputError
from gdbench.interchange.addresses import check_address
from gdbench.submissions.problems import Rejected
from gdbench.submissions.untrusted import parse_object, read_bytes

_MAX_BYTES = 10_000_000
_UNSAFE_NAME = re.compile(r"[^A-Za-z0-9._+]+")


@dataclass(frozen=True)
class Ours:
    """The metric of a task that a foreign number is."""

    task: str
    metric: str
    direction: Direction
    note: str = ""


_WINOGROUND = {
    "text": Ours("winoground", "text", "matching"),
    "image": Ours("winoground", "image", "matching"),
    "group": Ours("winoground", "group", "matching"),
}
_OFFICIAL_PETS = "the official test split, with the tool's own prompts"
CLIP_BENCHMARK: Mapping[tuple[str, str], Ours] = {
    ("winoground", "text_acc"): _WINOGROUND["text"],
    ("winoground", "image_acc"): _WINOGROUND["image"],
    ("winoground", "acc"): _WINOGROUND["group"],
    ("pets", "acc1"): Ours("pets", "accuracy", "text", _OFFICIAL_PETS),
    ("pets", "mean_per_class_recall"): Ours("pets", "accuracy_macro", "text", _OFFICIAL_PETS),
    **{
        (f"sugar_crepe/{name}", "text_acc"): Ours("sugarcrepe", name, "text")
        for name in (
            "add_att", "add_obj", "replace_att", "replace_obj", "replace_rel", "swap_att",
            "swap_obj",
        )
    },
}  # fmt: skip
"""By data set (without `wds/` and `vtab/`) and metric."""
MTEB: Mapping[tuple[str, str], Ours] = {
    ("Winoground", "text_acc"): _WINOGROUND["text"],
    ("Winoground", "image_acc"): _WINOGROUND["image"],
    ("Winoground", "accuracy"): _WINOGROUND["group"],
    ("AROVisualRelation", "text_acc"): Ours("aro", "vg_relation", "text"),
    ("AROVisualAttribution", "text_acc"): Ours("aro", "vg_attribution", "text"),
    ("AROCocoOrder", "text_acc"): Ours("aro", "coco_order", "text", "other order negatives"),
    ("AROFlickrOrder", "text_acc"): Ours("aro", "flickr30k_order", "text", "other order negatives"),
    ("OxfordPetsZeroShot", "accuracy"): Ours("pets", "accuracy", "text", _OFFICIAL_PETS),
}
"""By task and metric."""


@dataclass
class Imported:
    """What was taken over, and what was not."""

    sources: dict[str, Source] = field(default_factory=dict)
    """By file name."""
    left_out: list[str] = field(default_factory=list)
    """A line for each result that answers another question."""


@dataclass(frozen=True)
class _Result:
    """One foreign file, whatever wrote it."""

    tool: str
    model: str
    dataset: str
    settings: str
    year: int | None
    metrics: Mapping[str, float]
    known: Mapping[tuple[str, str], Ours]


def read_reported(paths: Sequence[Path], model: str | None = None, url: str = "") -> Imported:
    """The numbers of some result files, one source for each tool and model.

    Args:
        paths: JSON files of CLIP_benchmark or MTEB.
        model: name in words; None: as the file, or `model_meta.json` beside it, says.
        url: where the numbers are published.

    Raises:
        InputError: A file is none of the two, is damaged, holds a number outside of 0..1, the
            model is not named, or two files have the same number.
    """
    if url:
        check_address("--url", url)
    imported = Imported()
    figures: dict[tuple[str, str], list[Figure]] = {}
    about: dict[tuple[str, str], _Result] = {}
    for path in paths:
        result = _read(path, model)
        key = (result.tool, result.model)
        about.setdefault(key, result)
        own = list(_figures(result, path))
        if not own:
            metrics = ", ".join(result.metrics) or "nothing"
            text = f"{path}: {result.dataset} ({metrics}) answers no question of ours"
            imported.left_out.append(text)
        figures.setdefault(key, []).extend(own)
    for (tool, name), rows in figures.items():
        _refuse_twice(rows)
        if rows:
            slug = _UNSAFE_NAME.sub("-", f"{tool}-{name}").strip("-.").lower()
            first = about[tool, name]
            imported.sources[f"{slug}.json"] = Source(
                schema_version=1, badge="reported", source=f"{tool}, result files", url=url,
                year=first.year, settings=first.settings, quoted=False, figures=tuple(rows),
            )  # fmt: skip
    return imported


def _figures(result: _Result, path: Path) -> Iterator[Figure]:
    for metric, value in result.metrics.items():
        ours = result.known.get((result.dataset, metric))
        if ours is None:
            continue
        yield Figure(
            model=result.model, task=ours.task, metric=ours.metric, value=value,
            direction=ours.direction, file=path.name, note=ours.note,
        )  # fmt: skip


def _refuse_twice(rows: Sequence[Figure]) -> None:
    seen: dict[tuple[str, str], Figure] = {}
    for row in rows:
        other = seen.setdefault((row.task, row.metric), row)
        if other is not row:
            raise InputError(
                f"{other.file} and {row.file} both have {row.task} {row.metric} of {row.model}"
            )


def _read(path: Path, model: str | None) -> _Result:
    try:
        content = parse_object(read_bytes(path, _MAX_BYTES))
    except Rejected as rejected:
        raise InputError(f"{path}: {rejected.problem}") from rejected
    if {"dataset", "metrics", "task"} <= content.keys():
        return _clip_benchmark(path, content, model)
    if {"task_name", "scores", "dataset_revision"} <= content.keys():
        return _mteb(path, content, model)
    raise InputError(
        f"{path}: neither a result of CLIP_benchmark (dataset, task, metrics) nor one of MTEB "
        "(task_name, scores, dataset_revision)"
    )


def _clip_benchmark(path: Path, content: Mapping[str, Any], model: str | None) -> _Result:
    dataset = _text(path, content, "dataset").removeprefix("wds/").removeprefix("vtab/")
    named = f"{content.get('model', '')} {content.get('pretrained', '')}".strip()
    language = content.get("language", "en")
    return _Result(
        "CLIP_benchmark",
        _named(path, model or named),
        dataset,
        f"CLIP_benchmark, {_text(path, content, 'task')}, language {language}",
        None,
        _numbers(path, content.get("metrics"), dataset, CLIP_BENCHMARK),
        CLIP_BENCHMARK,
    )


def _mteb(path: Path, content: Mapping[str, Any], model: str | None) -> _Result:
    splits = content["scores"]
    rows = splits.get("test") if isinstance(splits, dict) else None
    if not isinstance(rows, list) or len(rows) != 1:
        raise InputError(f"{path}: scores.test is not a list of one subset")
    task = _text(path, content, "task_name")
    stamp = content.get("date")
    year = None
    if isinstance(stamp, int | float) and 0 < stamp < 1e11:  # noqa: PLR2004 # seconds, up to 5138
        year = datetime.fromtimestamp(stamp, UTC).year
    return _Result(
        "MTEB",
        _named(path, model or _name_beside(path)),
        task,
        f"MTEB {content.get('mteb_version') or 'of unknown version'}, data "
        f"{_text(path, content, 'dataset_revision')[:12]}",
        year,
        _numbers(path, rows[0], task, MTEB),
        MTEB,
    )


def _name_beside(path: Path) -> str:
    """The name in `model_meta.json`, which MTEB writes beside its results; empty without it."""
    try:
        meta = json.loads((path.parent / "model_meta.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    name = meta.get("name") if isinstance(meta, dict) else None
    return name if isinstance(name, str) else ""


def _named(path: Path, name: str) -> str:
    if not name:
        raise InputError(f"{path}: it does not say whose result it is; give --model")
    return name


def _text(path: Path, content: Mapping[str, Any], key: str) -> str:
    value = content.get(key)
    if not isinstance(value, str) or not value:
        raise InputError(f"{path}: {key} is {value!r}, expected a text")
    return value


def _numbers(
    path: Path, metrics: object, dataset: str, known: Mapping[tuple[str, str], Ours]
) -> Mapping[str, float]:
    """The metrics that are numbers; texts and lists beside them are none.

    Raises InputError where one that would be taken over is none.
    """
    if not isinstance(metrics, dict):
        raise InputError(f"{path}: there are no metrics")
    found = {}
    for name, value in metrics.items():
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if (dataset, name) in known and not (is_number and 0 <= value <= 1):
            raise InputError(f"{path}: {name} is {str(value)[:40]}, expected 0 to 1")
        if is_number:
            found[str(name)] = value
    return found
