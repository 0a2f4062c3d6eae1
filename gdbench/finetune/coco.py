"""Training examples from MS-COCO 2014 with the hard negatives of NegCLIP (Yuksekgonul et al. 2023).

NegCLIP's table has one row for each caption, separated by tabs: `title` (the caption), `filepath`
of the picture, `neg_caption` (a list of captions with words swapped) and `neg_image` (a list of the
numbers of other rows, counted from 0, whose pictures are near to this one). Further columns are
not read: the file's name is the picture.
"""

from __future__ import annotations

import ast
import csv
import hashlib
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeVar

from gdbench.data.images import FileImage
from gdbench.errors import DataProblemsError, InputError
from gdbench.finetune.examples import Example, Negative, Negatives

COLUMNS = ("title", "filepath", "neg_caption", "neg_image")
TRAIN_TABLE, HELD_OUT_TABLE = "train_neg_clip.tsv", "valid_neg_clip.tsv"
T = TypeVar("T")
_LONGEST_LIST = 100_000  # characters; a hostile table must not choke the parser


@dataclass(frozen=True, slots=True)
class Row:
    """One caption of one picture."""

    text: str
    image: FileImage
    image_id: str
    hard_texts: tuple[str, ...]
    hard_images: tuple[int, ...]  # numbers of rows


def find_table(root: Path, name: str) -> Path:
    """The table below the data folder. Raises InputError naming the places it may be in."""
    places = [root / name, root / "coco" / name, root / "aro" / "temp_data" / name]
    for place in places:
        if place.is_file():
            return place
    raise InputError(
        f"no {name} (NegCLIP's negatives) at {', '.join(str(p) for p in places)}; "
        "`gdbench data fetch negclip` gets it, `gdbench data fetch coco` the pictures"
    )


class NegCLIPTable:
    """The rows of a table whose pictures are all there.

    Args:
        table: the TSV file.
        root: folder with the pictures: `train2014/` and `val2014/` in it, in `images/`, `mscoco/`,
            `coco/` or `coco_order/`.
        negatives: what will be asked for; rows without such a negative are left out.
        allow_partial: leave out rows with problems instead of refusing the table.

    Raises:
        InputError: the table cannot be read, or no row is left.
        DataProblemsError: rows are damaged or pictures are missing; all of them are listed.
    """

    def __init__(
        self,
        table: Path,
        root: Path,
        negatives: Negatives = "mixed",
        *,
        allow_partial: bool = False,
    ) -> None:
        self.table = table
        self._problems: list[dict[str, str]] = []
        self._folders = _Folders(root)
        rows = list(self._read())
        if self._problems and not allow_partial:
            raise DataProblemsError(
                f"{table}: {len(self._problems)} problems (--allow-partial leaves such rows out)",
                self._problems,
            )
        self.rows: list[Row | None] = rows
        self.usable = [
            number
            for number, row in enumerate(rows)
            if row is not None and self._has(row, negatives)
        ]
        self.left_out = len(rows) - len(self.usable)
        self._ids = {rows[i].image_id for i in self.usable}  # type: ignore[union-attr] # usable rows are not None
        if len(self.usable) < 2 or len(self._ids) < 2:  # noqa: PLR2004 # a random text needs another picture
            raise InputError(f"{table}: fewer than two pictures can be used with {negatives}")

    def __len__(self) -> int:
        return len(self.usable)

    @property
    def problems(self) -> list[dict[str, str]]:
        """What is wrong with the rows that were left out."""
        return self._problems

    @property
    def fingerprint(self) -> str:
        """Hash of the table and of which rows are used; pictures are known by their names."""
        digest = hashlib.sha256(self.table.read_bytes())
        digest.update(",".join(map(str, self.usable)).encode())
        return digest.hexdigest()

    def row(self, index: int) -> Row:
        """Usable row `index`."""
        row = self.rows[self.usable[index]]
        if row is None:
            raise AssertionError(index)
        return row

    def near_images(self, row: Row) -> list[FileImage]:
        """Pictures that are near to a row's own and are not the same."""
        near = (self.rows[number] for number in row.hard_images)
        return [one.image for one in near if one is not None and one.image_id != row.image_id]

    def example(self, index: int, negative: Negative, rng: random.Random) -> Example:
        """See `TrainingData`."""
        row = self.row(index)
        match negative:
            case "random-text":
                return Example(row.image, row.text, row.image, self._random_text(row, rng))
            case "hard-text":
                return Example(row.image, row.text, row.image, rng.choice(row.hard_texts))
            case "hard-image":
                return Example(row.image, row.text, rng.choice(self.near_images(row)), row.text)
            case _:
                return Example(row.image, row.text, row.image, row.text)

    def _random_text(self, row: Row, rng: random.Random) -> str:
        while True:
            found = self.row(rng.randrange(len(self)))
            if found.image_id != row.image_id:
                return found.text

    def _has(self, row: Row, negatives: Negatives) -> bool:
        texts = bool(row.hard_texts) or negatives not in ("hard-text", "mixed")
        images = negatives not in ("hard-image", "mixed") or bool(self.near_images(row))
        return texts and images

    def _read(self) -> Iterator[Row | None]:
        try:
            with self.table.open(encoding="utf-8", newline="") as file:
                reader = csv.reader(file, delimiter="\t")
                header = next(reader, [])
                missing = [name for name in COLUMNS if name not in header]
                if missing:
                    raise InputError(
                        f"{self.table}: column {', '.join(missing)} missing; expected "
                        f"{', '.join(COLUMNS)} separated by tabs"
                    )
                lines = [(reader.line_num, cells) for cells in reader]
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise InputError(f"{self.table}: cannot be read as a TSV file ({error})") from None
        place = {name: header.index(name) for name in COLUMNS}
        for line, cells in lines:
            try:
                yield self._row(cells, place, len(lines))
            except _ProblemError as problem:
                entry = {"file": str(self.table), "entry": f"row {line}", "problem": str(problem)}
                self._problems.append(entry)
                yield None

    def _row(self, cells: Sequence[str], place: dict[str, int], n_rows: int) -> Row:
        if len(cells) <= max(place.values()):
            raise _ProblemError(f"{len(cells)} columns; the header has more")
        text = cells[place["title"]].strip()
        if not text:
            raise _ProblemError("title is empty")
        texts = _listed(cells[place["neg_caption"]], str)
        if texts is None:
            raise _ProblemError("neg_caption is not a list of sentences")
        images = _listed(cells[place["neg_image"]], int)
        if images is None or any(not 0 <= number < n_rows for number in images):
            raise _ProblemError(f"neg_image is not a list of row numbers below {n_rows}")
        picture = self._folders.find(cells[place["filepath"]])
        if picture is None:
            raise _ProblemError(f"picture {cells[place['filepath']][:120]!r} is missing")
        hard = tuple(t.strip() for t in texts if t.strip() and t.strip() != text)
        return Row(text, picture, picture.path.name, hard, tuple(images))


class _ProblemError(Exception):
    """What is wrong with a row."""


class _Folders:
    """Where a picture of COCO may lie, whatever path the table gives it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._known: dict[Path, frozenset[str]] = {}

    def find(self, path: str) -> FileImage | None:
        name = PurePosixPath(path.replace("\\", "/"))
        split = "val2014" if "val2014" in path else "train2014"
        if not name.name or name.name in (".", ".."):
            return None
        for folder in ("", "images", "mscoco", "coco", "coco/images", "coco_order"):
            place = self.root / folder / split
            if name.name in self._names(place):
                return FileImage(place / name.name, self.root)
        return None

    def _names(self, folder: Path) -> frozenset[str]:
        """Names in a folder, listed once: a hundred thousand look-ups are slow on network disks."""
        if folder not in self._known:
            there = folder.is_dir()
            self._known[folder] = (
                frozenset(p.name for p in folder.iterdir()) if there else frozenset()
            )
        return self._known[folder]


def _listed(cell: str, kind: type[T]) -> list[T] | None:
    """A Python list literal whose entries are all of one kind, or None."""
    if len(cell) > _LONGEST_LIST:
        return None
    try:
        found = ast.literal_eval(cell)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return None
    good = isinstance(found, list) and all(type(entry) is kind for entry in found)
    return found if good else None
