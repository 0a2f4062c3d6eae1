"""From a path to the questions of own data, with everything that is wrong in one list."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gdbench.data.images import Verify
from gdbench.data.own.columns import assign
from gdbench.data.own.layouts import read_raws
from gdbench.data.own.meaning import rows_of
from gdbench.data.own.options import Ask, DataOptions
from gdbench.data.own.pictures import Pictures
from gdbench.data.own.questions import Questions, Words
from gdbench.data.own.rows import OwnProblems, Raws, Reader, Row
from gdbench.data.own.texts import read_text
from gdbench.data.problems import Problems
from gdbench.errors import InputError
from gdbench.protocol import Item

WORDS = "words.json"
_SETS = 2
_USED_BY: Mapping[str, tuple[Ask, ...]] = {
    "candidates": ("text", "image", "retrieval"),
    "prompt": ("classes",),
    "words": ("association",),
}
"""What is asked where an option says how."""


@dataclass
class OwnData:
    """What was read of a user's own data."""

    path: Path
    name: str
    layout: str = ""
    ask: Ask | None = None
    rows: list[Row] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    problems: Problems = field(default_factory=OwnProblems)
    words: Words | None = None

    @property
    def n_items(self) -> dict[str, int]:
        """Number of items of each sub-task, in the order of the items."""
        return dict(Counter(item.subtask for item in self.items))


def read_own(
    path: Path,
    options: DataOptions | None = None,
    *,
    verify: Verify = "none",
    looked: Callable[[], None] | None = None,
) -> OwnData:
    """The questions of own data, and all that is wrong with them.

    Args:
        path: a folder, or one file: a table of captions beside its pictures, Parquet, a tar shard.
        options: which columns, what is asked.
        verify: how pictures are looked at (see `gdbench.data.images.Verify`).
        looked: called for each picture that is looked at.

    Raises:
        InputError: there is no such path, or it is no file and no folder.
    """
    options = options or DataOptions()
    root, file = _place(path)
    data = OwnData(path, options.name or clean_name(path))
    reader = Reader(root, data.problems, verify, options.encoding, looked)
    pictures = Pictures(reader)
    raws = read_raws(reader, pictures, file)
    if raws is None:
        return data
    data.layout = raws.layout
    columns = assign(raws.columns, options, raws.file, data.problems, raws.picture_column)
    if columns is None or not _has_rows(raws, columns.has("picture"), data.problems):
        return data
    data.words = _words(reader, options.words)
    data.rows = rows_of(raws, columns, pictures, data.problems, options.split)
    if raws.picture_column is None and options.split is None:
        pictures.note_unused()
    questions = Questions(
        data.rows, columns, options, data.problems, raws.file, data.words, raws.prompt
    )
    data.ask = questions.ask() if data.rows else None
    if data.ask is not None:
        _refuse_unused(options, data.ask)
        # in any order of the rows the same sums are added in the same order
        data.items = sorted(questions.items(data.ask), key=lambda item: item.id)
    return data


def _refuse_unused(options: DataOptions, ask: Ask) -> None:
    """Raise InputError for what was said of questions that are not asked."""
    for name, asks in _USED_BY.items():
        if getattr(options, name) is not None and ask not in asks:
            raise InputError(
                f"--{name}: these data ask {ask}, which does not use it; leave it out, or say "
                f"--ask {asks[-1]}"
            )


def _place(path: Path) -> tuple[Path, str | None]:
    """The folder, and the file in it where one was given."""
    # a model may change the working folder
    real = path.absolute()
    if path.is_dir():
        return real, None
    if path.is_file():
        return real.parent, path.name
    what = "is neither a file nor a folder" if path.exists() else "there is no such file or folder"
    raise InputError(f"--data {path}: {what}")


def clean_name(path: Path) -> str:
    """A task's name from that of a folder, or of a file without its ending."""
    real = path.resolve()
    name = real.stem if real.is_file() else real.name
    clean = re.sub(r"[^A-Za-z0-9._+-]+", "-", name).strip("-._+")
    return clean[:64] or "data"


def _has_rows(raws: Raws, has_picture: bool, problems: Problems) -> bool:  # noqa: FBT001 # one caller
    if not has_picture:
        have = ", ".join(raws.columns) or "none"
        problem = f"no column names the pictures; there are: {have}; say --image-column"
        problems.add(raws.file, "", problem)
    elif not raws.rows and not problems.blocking:
        problems.add(raws.file, "", "no rows")
    return has_picture and bool(raws.rows)


def _words(reader: Reader, said: Path | None) -> Words | None:
    """Two lists of words; None where there are none, or after a problem."""
    path = said or reader.root / WORDS
    if said is None and not path.is_file():
        return None
    file = path.name if said is None else str(said)
    if not path.is_file():
        reader.problems.add(file, "", "there is no such file of words")
        return None
    text = read_text(reader, path, file)
    try:
        found = json.loads(text or "null")
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or len(found) != _SETS or not all(map(_is_list, found.values())):
        problem = 'expected two lists of words: {"pleasant": ["…", …], "unpleasant": ["…", …]}'
        reader.problems.add(file, "", problem)
        return None
    (a, first), (b, second) = found.items()
    both = set(first) & set(second)
    if both:
        reader.problems.add(file, min(both), "stands in both lists")
        return None
    return Words((a, b), tuple(dict.fromkeys(first)), tuple(dict.fromkeys(second)))


def _is_list(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(word, str) and word.strip() for word in value)
    )
