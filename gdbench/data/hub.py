"""Data sets of the Hugging Face hub, kept below the data root and read through `datasets`.

A snapshot lies in `hub/<owner>--<name>/` with `gdbench-pin.json` beside its files: the commit it
was taken at. The loader reads nothing but this folder and never goes to the network.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gdbench.data.catalogue import HubSet
from gdbench.data.images import Box, BytesImage, Verify, ends_well
from gdbench.data.problems import Problems
from gdbench.errors import InputError

PIN = "gdbench-pin.json"


class HubRows:
    """Rows of one split; pictures stay encoded until they are opened."""

    def __init__(
        self, hub: HubSet, rows: Any, problems: Problems, *, verify: Verify = "none"
    ) -> None:
        self.hub = hub
        self.problems = problems
        self.verify = verify
        self.file = hub.folder
        self._rows = rows
        self._images = [n for n, f in rows.features.items() if type(f).__name__ == "Image"]
        text = [name for name in rows.column_names if name not in self._images]
        self._text = rows.select_columns(text)

    @classmethod
    def open(
        cls,
        root: Path,
        hub: HubSet,
        problems: Problems,
        *,
        config: str | None = None,
        split: str | None = None,
        verify: Verify = "none",
    ) -> HubRows | None:
        """The split as fetched; None after a problem. `verify` looks at each picture."""
        folder = root / hub.folder
        pinned = pinned_revision(folder, hub.id)
        if hub.revision is not None and pinned not in (None, hub.revision):
            problems.add(
                f"{hub.folder}/{PIN}",
                "",
                f"revision {pinned}, expected {hub.revision}: fetch again",
            )
            return None
        import datasets

        try:
            with _quiet():
                rows = datasets.load_dataset(
                    str(folder), name=config or hub.config, split=split or hub.split
                )
                for name, feature in rows.features.items():
                    if isinstance(feature, datasets.Image):
                        rows = rows.cast_column(name, datasets.Image(decode=False))
        except Exception as error:  # noqa: BLE001 # damaged files make it raise of any kind
            reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
            problems.add(hub.folder, "", f"cannot be read as a data set: {reason}")
            return None
        return cls(hub, rows, problems, verify=verify)

    def __len__(self) -> int:
        return len(self._rows)

    def texts(self, *columns: str) -> Iterator[tuple[int, dict[str, Any]]]:
        """Index and values of columns that are no pictures; a missing column is a problem."""
        missing = [c for c in columns if c not in self._text.column_names]
        for column in missing:
            have = ", ".join(self._rows.column_names)
            self.problems.add(self.file, column, f"no such column; there are: {have}")
        if missing:
            return
        yield from enumerate(self._text.select_columns(list(columns)))

    def image(self, index: int, column: str, box: Box | None = None) -> BytesImage | None:
        """The picture in a row; None after a problem."""
        if column not in self._images:
            self.problems.add(self.file, f"row {index}", f"no picture column {column!r}")
            return None
        found = BytesImage(
            f"{self.file} row {index} {column}", lambda: self._bytes(index, column), box
        )
        if self.verify != "none":
            try:
                data = self._bytes(index, column)
                if self.verify == "full" or not ends_well(data[:16], data[-16:]):
                    found.open()
            except InputError as error:
                self.problems.add(self.file, f"row {index}", str(error))
                return None
        return found

    def sizes(self, column: str) -> list[int]:
        """Length in bytes of every picture, without reading the pictures; -1: there is none."""
        import pyarrow.compute as pc

        table = self._rows.with_format("arrow").select_columns([column])[:]
        lengths = pc.binary_length(pc.struct_field(table.column(column), "bytes"))
        return [-1 if n is None else n for n in lengths.to_pylist()]

    def has_column(self, column: str) -> bool:
        """Whether there is a column of this name."""
        return column in self._rows.column_names

    def _bytes(self, index: int, column: str) -> bytes:
        value = self._rows[index][column]
        data = (value or {}).get("bytes")
        if not isinstance(data, bytes):
            raise InputError(f"{self.file} row {index}: column {column!r} holds no picture")
        return data


def pinned_revision(folder: Path, name: str) -> str | None:
    """The commit that a snapshot of the data set `name` was taken at.

    None where it was put there by hand, or is one of another data set: of a new id of the same.
    """
    try:
        found = json.loads((folder / PIN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    own = isinstance(found, dict) and found.get("id", name) == name
    revision = found.get("revision") if own else None
    return revision if isinstance(revision, str) else None


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the progress bars of `datasets`: standard output and error belong to the caller."""
    import datasets

    was = datasets.utils.logging.is_progress_bar_enabled()
    datasets.utils.logging.disable_progress_bar()
    try:
        yield
    finally:
        if was:
            datasets.utils.logging.enable_progress_bar()
