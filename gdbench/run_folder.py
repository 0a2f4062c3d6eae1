"""A run directory: whose it is, and whether a run may go on in it.

`run.json` says what is run, `<task>/task.json` which items. A run is never mixed with another; it
may be continued, and it may grow: to a larger limit, or to more samples of nested timesteps.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from gdbench.errors import GdbenchError, RunMismatchError
from gdbench.protocol import Item, ModelCard
from gdbench.records import ModelSettings, ResultRecord, Strict, TaskInfo
from gdbench.run import Conditions, ModelRequest, RunInfo, flag_of
from gdbench.run_lock import LOCK
from gdbench.store.files import SEAL, seal, seal_fault, set_aside, unwritable, write_atomically
from gdbench.tasks.base import limited, manifest_sha256

logger = logging.getLogger(__name__)
StrictT = TypeVar("StrictT", bound=Strict)
_GROWS_WITH_SAMPLES = ("samples", "timesteps", "noise_sha256")
_GROWS_WITH_LIMIT = ("limit", "n_items", "manifest_sha256")
_REVISION = 7
_LONGEST_NAME = 120
OTHER = "choose another --out"


def now() -> str:
    """UTC in ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def read_run_file(path: Path, kind: type[StrictT], advice: str = OTHER) -> StrictT | None:
    """A file of an unfinished run, None where there is none.

    Raises RunMismatchError, which ends with the advice, where it is damaged or of an earlier
    version.
    """
    if not path.exists():
        return None
    try:
        data = path.read_bytes()
        found = json.loads(data)
        version = found.get("schema_version") if isinstance(found, dict) else None
        expected = kind.model_fields.get("schema_version")
        if expected is not None and version != expected.default:
            raise RunMismatchError(
                f"{path} is of version {version}, this gdbench goes on with runs of version "
                f"{expected.default}: {advice}"
            )
        return kind.model_validate_json(data)
    except (ValidationError, ValueError, OSError) as error:
        count = (
            f"{error.error_count()} fields are wrong"
            if isinstance(error, ValidationError)
            else str(error)
        )
        raise RunMismatchError(f"{path} cannot be read: {count}; {advice}") from error


def read_record(folder: Path) -> ResultRecord | None:
    """The record of a finished task, None where there is none that can be used.

    A damaged one is set aside with a line in the log: it can be made again from the score log.
    """
    path = folder / "record.json"
    if not path.exists():
        return None
    reason = seal_fault(path, path.read_bytes())
    if reason is None:
        return read_run_file(path, ResultRecord)
    kept = set_aside(path)
    logger.warning("%s %s; kept as %s, it is made again", path, reason, kept.name)
    return None


def write_record(folder: Path, record: ResultRecord) -> None:
    """Write the record of a finished task, and before it the checksum that it must have."""
    path = folder / "record.json"
    data = _encoded(record)
    write_atomically(path.with_suffix(SEAL), seal(path, data))
    write_atomically(path, data)


def remove_record(folder: Path) -> None:
    """Make a task unfinished. Raises GdbenchError where that cannot be written."""
    path = folder / "record.json"
    try:
        path.unlink(missing_ok=True)
        path.with_suffix(SEAL).unlink(missing_ok=True)
    except OSError as error:
        raise unwritable(path, error) from error


def write_run_file(path: Path, content: Strict) -> None:
    """Write a file of a run atomically."""
    write_atomically(path, _encoded(content))


def _encoded(content: Strict) -> bytes:
    return content.model_dump_json(indent=2).encode() + b"\n"


def open_run(out: Path, info: RunInfo) -> None:
    """Claim a run directory, or see that this run may go on in it.

    Raises RunMismatchError that names what differs where it belongs to another run.
    """
    path = out / "run.json"
    old = read_run_file(path, RunInfo)
    if old is None:
        if out.is_dir() and any(path.name != LOCK for path in out.iterdir()):
            raise RunMismatchError(f"{out} is not empty and has no run.json: {OTHER}")
        write_run_file(path, info)
        return
    parts = info.content.differences(old.content)
    if parts and old.model.name == info.model.name:
        raise RunMismatchError(
            f"{out} was begun with other content of {info.model.name}: {', '.join(parts)} "
            f"{'differs' if len(parts) == 1 else 'differ'}; {OTHER}"
        )
    _refuse_difference(out, "model", info.model, old.model)
    if info.shard != old.shard:
        raise RunMismatchError(
            f"{out} is {_share(old)} and this is {_share(info)}: each shard has its own --out"
        )
    _refuse_settings(out, info.spec.settings, old.spec.settings)
    _refuse_conditions(out, info.spec.conditions, old.spec.conditions)
    if info.shard is not None and info.spec.conditions != old.spec.conditions:
        raise RunMismatchError(
            f"{out} is {_share(old)}, and another --limit deals the items out anew; {OTHER}"
        )
    if info.spec != old.spec:
        write_run_file(path, info)


def check_kept(out: Path, records: Sequence[ResultRecord]) -> None:
    """Raise GdbenchError where files of a run were removed while it ran."""
    names = ["run.json", *(f"{record.task.name}/record.json" for record in records)]
    gone = [name for name in names if not (out / name).exists()]
    if gone:
        raise GdbenchError(
            f"{out}: {', '.join(gone)} {'was' if len(gone) == 1 else 'were'} removed while the run "
            "was going on; the rest of it is not whole"
        )


def _share(info: RunInfo) -> str:
    return "a whole run" if info.shard is None else f"shard {info.shard}"


def _refuse_settings(out: Path, settings: ModelSettings, old: ModelSettings) -> None:
    _refuse_difference(out, "settings", settings, old, apart=_GROWS_WITH_SAMPLES)
    steps, before = settings.timesteps, old.timesteps
    if steps == before:
        _refuse_difference(out, "settings", settings, old)
        return
    if steps is None or before is None or steps[: len(before)] != before:
        raise RunMismatchError(
            f"{out} was made with --samples {old.samples}, which are not the first of "
            f"--samples {settings.samples} ({settings.schedule} timesteps); {OTHER}"
        )
    if settings.stops_early:
        raise RunMismatchError(
            f"{out} stops items within --samples {old.samples}: where it stopped depends "
            f"on them; {OTHER}"
        )


def _refuse_conditions(out: Path, asked: Conditions, old: Conditions) -> None:
    _refuse_difference(out, "conditions", asked, old, apart=("limit",))
    if not _grows(asked.limit, old.limit):
        raise RunMismatchError(
            f"{out} has --limit {old.limit or 'none'}, more than --limit {asked.limit}; {OTHER}"
        )


def _grows(limit: int | None, old: int | None) -> bool:
    """Whether all items of the old limit are among those of the new one."""
    return limit is None or (old is not None and limit >= old)


def claim_task(folder: Path, info: TaskInfo, everything: Sequence[Item]) -> None:
    """Write which items a task has, or see that those of before are among them, unchanged.

    Args:
        folder: of the task.
        info: of the items that are asked now.
        everything: the items that a limit chooses from.
    """
    path = folder / "task.json"
    old = read_run_file(path, TaskInfo)
    if old is not None and old != info:
        _refuse_difference(folder, "task", info, old, apart=_GROWS_WITH_LIMIT)
        if not _grows(info.limit, old.limit):
            raise RunMismatchError(f"{folder} has more items than --limit {info.limit}; {OTHER}")
        chosen = limited(everything, old.limit, old.item_seed)
        manifest = info.manifest_sha256 if old.limit == info.limit else manifest_sha256(chosen)
        if manifest != old.manifest_sha256:
            raise RunMismatchError(
                f"{folder} was begun with other items: manifest_sha256 is "
                f"{old.manifest_sha256[:12]}… there and {manifest[:12]}… now; {OTHER}"
            )
    if old != info:
        write_run_file(path, info)


def _refuse_difference(
    folder: Path, name: str, new: BaseModel, old: BaseModel, apart: Sequence[str] = ()
) -> None:
    """Raise RunMismatchError for the first field that differs."""
    a, b = new.model_dump(mode="json"), old.model_dump(mode="json")
    for key in a:
        if key not in apart and a[key] != b.get(key):
            field, value, before = _first_difference(f"{name}.{key}", a[key], b.get(key))
            flag = f" ({flag_of(key)})" if name in ("settings", "conditions") else ""
            raise RunMismatchError(
                f"{folder} holds another run: {field}{flag} is {before} there and {value} now; "
                f"{OTHER}"
            )


def _first_difference(name: str, new: object, old: object) -> tuple[str, str, str]:
    if isinstance(new, Mapping) and isinstance(old, Mapping):
        for key in new:
            if new[key] != old.get(key):
                return _first_difference(f"{name}.{key}", new[key], old.get(key))
    return name, json.dumps(new)[:80], json.dumps(old)[:80]


def default_folder(
    card: ModelCard,
    request: ModelRequest,
    conditions: Conditions,
    shard: str | None = None,
    own: Sequence[str] = (),
) -> str:
    """Name of a run directory that no other content, settings or questions share.

    A larger --limit or --samples extends a run, so neither is in the name. `own` are names and
    versions of tasks that no other run need have.
    """
    options = {
        name: value
        for name in ModelSettings.asked_names()
        if name != "samples"
        and (value := getattr(request.settings, name)) is not None
        and (name, value) != ("seed", 0)
    }
    if conditions.compat is not None:
        options = {n: v for n, v in options.items() if n not in ("schedule", "noise")}
        options["compat"] = conditions.compat
    if conditions.item_seed:
        options["item_seed"] = conditions.item_seed
    marks = list(own)
    marks += [f"{name.replace('_', '-')}={_word(value)}" for name, value in options.items()]
    marks += [f"{name}={_word(value)}" for name, value in sorted(request.arguments.items())]
    if shard is not None:
        marks.append(f"shard={shard.replace('/', '.of.')}")
    name = "-".join([f"{card.name}@{card.revision[:_REVISION]}", conditions.suite, *marks])
    clean = re.sub(r"[^A-Za-z0-9@=._+-]+", "_", name)
    if len(clean) <= _LONGEST_NAME:
        return clean
    return f"{clean[:_LONGEST_NAME]}-{hashlib.sha256(name.encode()).hexdigest()[:_REVISION]}"


def _word(value: object) -> str:
    if isinstance(value, tuple):
        return ".".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value).lower()
