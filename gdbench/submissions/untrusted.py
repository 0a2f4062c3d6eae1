"""Reading files that strangers wrote: size first, then shape, then content."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gdbench.readable import first_problem, shown
from gdbench.submissions.problems import Rejected

MAX_RECORD_BYTES = 1_000_000  # a record with ten effect sizes of 120 words has 60 kB
MAX_SCORES_BYTES = 256_000_000
MAX_LOG_BYTES = 2_000_000_000  # of a run: 2250 pictures with 100 words and 250 errors each
MAX_DEPTH = 16  # a record is six deep
# a string, up to its end or that of the text, or a bracket
_TOKEN = re.compile(r'"[^"\\]*(?:\\.?[^"\\]*)*(?:"|\Z)|[][{}]', re.DOTALL)


def read_bytes(path: Path, limit: int) -> bytes:
    """The bytes of a regular file of at most `limit` bytes; links are not followed.

    Size and kind are those of the opened file, so nothing can be swapped in between. Raises
    `Rejected` for anything else.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError as error:
        raise Rejected("missing", "is not there; without it nothing can be recomputed") from error
    except OSError as error:
        raise Rejected("file", f"cannot be opened: {error.strerror}") from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise Rejected("file", "is not a regular file")
        if status.st_size > limit:
            raise Rejected("file", f"has {status.st_size} bytes, at most {limit} are read")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            data = file.read(limit + 1)
    finally:
        os.close(descriptor)
    if len(data) > limit:
        raise Rejected("file", f"has more than {limit} bytes")
    return data


def below(folder: Path) -> Iterator[Path]:
    """Files, links and the like below a folder, in no order; links are not followed.

    However deep they lie: what calls itself for each level ends at Python's own limit.
    """
    waiting = [str(folder)]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                else:
                    yield Path(entry.path)


def depth(text: str) -> int:
    """How deep brackets are nested in JSON text, strings left aside."""
    deepest = level = 0
    for token in _TOKEN.finditer(text):
        if token[0] in "[{":
            level += 1
            deepest = max(deepest, level)
        elif token[0] in "]}":
            level -= 1
    return deepest


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise Rejected("json", f"the key {shown(key)} is there twice")
        found[key] = value
    return found


def _no_constant(name: str) -> Any:
    raise Rejected("json", f"{name} is not a number of JSON")


def parse_object(data: bytes) -> dict[str, Any]:
    """A JSON object without doubled keys, NaN, or deep nesting. Raises `Rejected`."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Rejected("json", f"is not UTF-8 (byte {error.start})") from error
    if depth(text) > MAX_DEPTH:
        raise Rejected("json", f"is nested more than {MAX_DEPTH} deep")
    try:
        found = json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    except ValueError as error:  # also integers with thousands of digits
        raise Rejected("json", f"is not JSON: {shown(str(error), 100)}") from error
    if not isinstance(found, dict):
        raise Rejected("json", "is not a JSON object")
    return found


def check_texts(value: Any, where: str = "") -> None:
    """Look at every string and key of parsed JSON. Raises `Rejected` at the first bad one."""
    problem = first_problem(value, where)
    if problem:
        raise Rejected("text", problem)
