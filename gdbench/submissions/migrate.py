"""Old records become present ones: one function per version, each a step to the next.

Version 0 is the format before the first release: metrics were an object by name, the manifest's
hash was called `manifest`, and the seed stood beside the settings.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from gdbench.records import SCHEMA_VERSION, ResultRecord
from gdbench.submissions.problems import Rejected, shown

Raw = dict[str, Any]


def _from_0(old: Raw) -> Raw:
    new = dict(old)
    task = dict(new["task"])
    task["manifest_sha256"] = task.pop("manifest")
    new["task"] = task
    new["settings"] = {"seed": new.pop("seed", 0), **new["settings"]}
    new["metrics"] = [{"name": name, **values} for name, values in new["metrics"].items()]
    new["signature"] = str(new["signature"]).removesuffix("|v0") + "|v1"
    new["schema_version"] = 1
    return new


STEPS: Mapping[int, Callable[[Raw], Raw]] = {0: _from_0}


def migrate(raw: Raw) -> Raw:
    """A record's JSON in the present version. Raises `Rejected` for future and unknown versions."""
    version = raw.get("schema_version", 0)
    if type(version) is not int or version < 0:
        raise Rejected("schema", f"schema_version is {shown(version)}, expected a number from 0")
    if version > SCHEMA_VERSION:
        raise Rejected(
            "schema",
            f"schema_version is {version}, this gdbench reads up to {SCHEMA_VERSION}: "
            "use a newer gdbench",
        )
    while version < SCHEMA_VERSION:
        try:
            raw = STEPS[version](raw)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise Rejected("schema", f"is no record of version {version}: {error!r}") from error
        version += 1
    return raw


def read_migrated(raw: Raw) -> ResultRecord:
    """The record of parsed JSON of any known version, every field strictly of its type.

    Raises `Rejected` with the first wrong field.
    """
    try:
        return ResultRecord.model_validate_json(json.dumps(migrate(raw)), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])[:120]
        count = error.error_count()
        more = f" (and {count - 1} more)" if count > 1 else ""
        raise Rejected("schema", f"{where!a}: {first['msg']}{more}") from error
