"""The score log of a task: appended while the run goes, compacted to one Parquet file at its end.

`RUN/<task>/parts/*.parquet` are written atomically, one after the other; a killed run loses at
most the part it was filling. `RUN/<task>/scores.parquet` holds the same rows in the order of the
task's items.
"""

from __future__ import annotations

import contextlib
import logging
import re
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from gdbench.errors import InputError, RunMismatchError
from gdbench.protocol import Scores
from gdbench.store.columns import SCORE_COLUMNS, Block, Ints, to_table
from gdbench.store.files import set_aside, sweep
from gdbench.store.fragments import (
    DamagedError,
    Fragment,
    Group,
    open_fragment,
    positions,
    write_fragment,
)
from gdbench.store.merging import entries_of, merged_blocks

logger = logging.getLogger(__name__)
SECONDS = b"wall_seconds"
DEVICE_SECONDS = b"device_seconds"
EVALUATIONS = b"evaluations"
MERGED = b"merged_parts"
_PART = re.compile(r"\d{6,}\.parquet")


class Clocks(NamedTuple):
    """What a run has spent so far, None where it is not known."""

    device_seconds: float | None = None
    evaluations: int | None = None
    wall_seconds: float | None = None
    """Of all workers together; None: the log's own clock is right."""


class ScoreLog:
    """Append-only log of one task in a run directory.

    Scores are handed to the disk every `flush_seconds`, `flush_items` or `flush_bytes`, whichever
    comes first. `clocks` says how long the model's networks have run so far and how many samples
    went through them. An item may be logged again with more timesteps: the longest counts.

    Every file is read from end to end once, when the log is first asked for something. Raises
    DamagedError there; `recover` sets damaged files aside instead.
    """

    def __init__(
        self,
        folder: Path,
        *,
        flush_seconds: float = 5.0,
        flush_items: int = 16_384,
        flush_bytes: int = 16_000_000,
        clocks: Callable[[], Clocks] = Clocks,
    ) -> None:
        self.folder = folder
        self.parts = folder / "parts"
        self.file = folder / "scores.parquet"
        self.flush_seconds = flush_seconds
        self.flush_items = flush_items
        self.flush_bytes = flush_bytes
        self._buffer: list[Scores] = []
        self._buffered = 0
        self._last = time.monotonic()
        self._clocks = clocks
        self._spent_before = clocks()
        self._known: list[Fragment] | None = None

    def recover(self) -> None:
        """Make the log usable after whatever happened; for the one who holds the run's lock.

        What killed writers left behind goes, and a damaged file is renamed and kept; its items are
        as if they had never been scored.
        """
        for folder in (self.folder, self.parts):
            sweep(folder)
        while True:
            self._known = None
            try:
                self._fragments()
            except DamagedError as error:
                path = next(p for p in self._paths() if str(error).startswith(str(p)))
                kept = set_aside(path)
                logger.warning("%s; kept as %s, its items are scored again", error, kept.name)
            else:
                break
        live = {fragment.path for fragment in self._fragments()}
        for path in self._parts():
            # one of a run that was killed while it was compacting
            if path not in live:
                path.unlink()

    @property
    def compacted(self) -> bool:
        """Whether all that is there stands in `scores.parquet`."""
        return [fragment.path for fragment in self._fragments()] == [self.file]

    def lengths(self) -> dict[str, int]:
        """Items that are safely on disk: id -> number of timesteps (0: without errors)."""
        longest: dict[str, int] = {}
        for group in self._groups():
            for name, length in zip(group.ids.to_pylist(), group.lengths.tolist(), strict=True):
                longest[name] = max(length, longest.get(name, 0))
        return longest

    def done(self) -> set[str]:
        """Ids of the items that are safely on disk."""
        return set(self.lengths())

    def index(self, order: Sequence[str] | pa.Array) -> Ints:
        """The timesteps of each of these items: -1 not logged, 0 logged without errors.

        Raises RunMismatchError where the log has another item.
        """
        found = np.full(len(order), -1, dtype=np.int64)
        groups = self._groups()
        if groups:
            names = pa.chunked_array([group.ids for group in groups])
            where = positions(names, order)
            if (where < 0).any():
                stranger = names[int(np.argmin(where))].as_py()
                raise RunMismatchError(
                    f"{self.folder} has scores of items that are not in the task: {stranger}"
                )
            np.maximum.at(found, where, np.concatenate([group.lengths for group in groups]))
        return found

    def append(self, scores: Scores) -> None:
        """Add one item. Raises GdbenchError where it cannot be written."""
        self._buffer.append(scores)
        if scores.errors is not None:
            self._buffered += scores.errors.nbytes
        full = len(self._buffer) >= self.flush_items or self._buffered >= self.flush_bytes
        if full or time.monotonic() - self._last > self.flush_seconds:
            self.flush()

    def flush(self) -> None:
        """Write what is buffered as the next part, with what was spent since the part before."""
        if not self._buffer:
            return
        now, clocks = time.monotonic(), self._clocks()
        spent: dict[bytes, float] = {SECONDS: now - self._last}
        for key, value, before in zip(
            (DEVICE_SECONDS, EVALUATIONS, SECONDS), clocks, self._spent_before, strict=True
        ):
            if value is not None and before is not None:
                spent[key] = value - before
        known = self._fragments()
        number = max([*(int(p.stem) for p in self._parts()), self._merged() - 1]) + 1
        path = self.parts / f"{number:06d}.parquet"
        block = Block.of(to_table(self._buffer))
        known.append(write_fragment(path, [block], _notes(spent), wide=block.wide))
        self._last, self._spent_before = now, clocks
        self._buffer, self._buffered = [], 0

    def wall_seconds(self) -> float:
        """Time in which the rows on disk were made, over all starts of the run."""
        return sum(float(seconds or b"0") for seconds in self._spent(SECONDS))

    def device_seconds(self) -> float | None:
        """The part of it in which the model's networks ran; None where it was not measured."""
        spent = self._spent(DEVICE_SECONDS)
        return None if None in spent else sum(float(seconds) for seconds in spent if seconds)

    def evaluations(self) -> int | None:
        """Samples that went through the networks; None where they were not counted."""
        spent = self._spent(EVALUATIONS)
        return None if None in spent else round(sum(float(n) for n in spent if n))

    def _spent(self, key: bytes) -> list[bytes | None]:
        return [fragment.notes.get(key) for fragment in self._fragments()]

    def blocks(self, *, errors: bool = True) -> Iterator[Block]:
        """All items on disk in the order of the files, of each its longest entry."""
        columns = None if errors else list(SCORE_COLUMNS)
        groups = self._groups()
        if self.compacted:
            # each item stands there once
            yield from (group.read(columns) for group in groups)
            return
        longest = entries_of(groups).longest()
        start = 0
        for group in groups:
            mask = longest[start : start + len(group.lengths)]
            start += len(group.lengths)
            if mask.all():
                yield group.read(columns)
            elif mask.any():
                yield group.read(columns).take(np.flatnonzero(mask))

    def read(self, *, errors: bool = True) -> Iterator[Scores]:
        """All items on disk, one by one; `errors=False` skips the per-timestep errors."""
        for block in self.blocks(errors=errors):
            yield from block.scores()

    def compact(self, order: Sequence[str] | pa.Array) -> None:
        """Write `scores.parquet` with the items in this order and remove the parts.

        An item that stands in several parts is kept once. Raises GdbenchError where its entries
        contradict each other, InputError where an item is not in the order.
        """
        self.flush()
        entries = entries_of(self._groups())
        where = positions(entries.names, order)
        if (where < 0).any():
            raise InputError(
                f"{self.folder}: item {entries.names[int(np.argmin(where))].as_py()!r} "
                "is not among those to be compacted"
            )
        parts = self._parts()
        if parts or (np.diff(where) <= 0).any():
            spent: dict[bytes, float] = {SECONDS: self.wall_seconds()}
            more = {DEVICE_SECONDS: self.device_seconds(), EVALUATIONS: self.evaluations()}
            spent |= {key: value for key, value in more.items() if value is not None}
            spent[MERGED] = int(parts[-1].stem) + 1 if parts else self._merged()
            whole = write_fragment(
                self.file, merged_blocks(entries, where), _notes(spent), wide=entries.wide
            )
            self._known = [whole]
        for path in parts:
            path.unlink(missing_ok=True)
        # the metrics that follow need the memory, and use none of this pool
        pa.default_memory_pool().release_unused()
        # damaged parts are kept, and their folder with them
        with contextlib.suppress(OSError):
            self.parts.rmdir()

    def _groups(self) -> list[Group]:
        return [group for fragment in self._fragments() for group in fragment.groups]

    def _fragments(self) -> list[Fragment]:
        """The files of the log, each found whole once."""
        if self._known is None:
            whole = [open_fragment(self.file, finished=True)] if self.file.exists() else []
            self._known = whole
            merged = self._merged()
            self._known = whole + [
                open_fragment(path) for path in self._parts() if int(path.stem) >= merged
            ]
        return self._known

    def _parts(self) -> list[Path]:
        found = sorted(self.parts.glob("*.parquet"))
        for path in found:
            if not _PART.fullmatch(path.name):
                raise RunMismatchError(f"{path} is no part of a score log; remove it")
        return sorted(found, key=lambda path: int(path.stem))

    def _merged(self) -> int:
        """Number of the first part that `scores.parquet` does not hold yet.

        Lower ones are left-overs of a run that was killed while it was compacting.
        """
        first = self._known[0] if self._known else None
        if first is None or first.path != self.file:
            return 0
        return int(float(first.notes.get(MERGED, b"0")))

    def _paths(self) -> list[Path]:
        return [*([self.file] if self.file.exists() else []), *self._parts()]


def _notes(spent: dict[bytes, float]) -> dict[bytes, bytes]:
    return {key: f"{value:.6f}".encode() for key, value in spent.items()}
