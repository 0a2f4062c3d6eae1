"""What a worker process does: load the model, score shards. It knows not who asks it."""

from __future__ import annotations

import logging
import os
import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gdbench.engines.base import Place, Subject
from gdbench.engines.local import LocalEngine
from gdbench.errors import GdbenchError
from gdbench.protocol import Known, Scores
from gdbench.records import Prices
from gdbench.run import ModelRequest, Where
from gdbench.store import Clocks


@dataclass(frozen=True)
class Ready:
    """A worker that has its model."""

    subject: Subject
    place: Place
    host: str
    extends: bool
    prices: Prices
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Fragment:
    """The scores of a shard, or of its items before the error."""

    scores: list[Scores]
    spent: Clocks
    peak_memory_bytes: int | None
    peak_device_memory_bytes: int | None
    error: str = ""
    warnings: tuple[str, ...] = ()


class _Warnings(logging.Handler):
    """Keeps what this process warns of: the driver tells it, a worker has no terminal."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one."""
        self._texts.append(record.getMessage())

    def taken(self) -> tuple[str, ...]:
        """Those since the last time, each once."""
        texts, self._texts = self._texts, []
        return tuple(dict.fromkeys(texts))


class Worker:
    """One model in one process."""

    def __init__(self) -> None:
        self._engine: Any = None
        self._warnings = _Warnings()
        logging.getLogger("gdbench").addHandler(self._warnings)

    def load(self, request: ModelRequest, where: Where, folder: str) -> Ready | str:
        """Build the model; the text says why it cannot be had.

        Args:
            request: the model as it was asked for.
            where: device and the like.
            folder: the driver's working directory, from which relative names are meant.
        """
        if Path(folder).is_dir():
            os.chdir(folder)
        try:
            from gdbench.models import load_request
            from gdbench.models.own import own_model

            self._engine = LocalEngine(own_model(load_request(request, where)), where.item_timeout)
        except GdbenchError as error:
            return str(error)
        return Ready(
            self._engine.subject,
            self._engine.place(),
            platform.node(),
            self._engine.extends,
            self._engine.prices(),
            self._warnings.taken(),
        )

    def score(self, items: Sequence[Known], passes: int = 0) -> Fragment:
        """The scores of some items; an error ends the shard and loses none before it.

        `passes` are this worker's of the whole task, about.
        """
        scores: list[Scores] = []
        error = ""
        self._engine.begin(passes)
        before, start = self._engine.clocks(), time.monotonic()
        try:
            scores.extend(self._engine.score(items))
        except (GdbenchError, MemoryError) as fault:
            error = str(fault) or type(fault).__name__
        after = self._engine.clocks()
        spent = Clocks(
            _difference(after.device_seconds, before.device_seconds),
            _difference(after.evaluations, before.evaluations),
            time.monotonic() - start,
        )
        place = self._engine.place()
        return Fragment(
            scores,
            spent,
            place.peak_memory_bytes,
            place.peak_device_memory_bytes,
            error,
            self._warnings.taken(),
        )


def _difference(after: Any, before: Any) -> Any:
    return None if after is None or before is None else after - before
