"""The engine that needs no other process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from gdbench.engines.base import Engine, Place, Subject
from gdbench.environment import (
    device_name,
    peak_device_memory_bytes,
    peak_memory_bytes,
    reset_peak_device_memory,
    reset_peak_memory,
)
from gdbench.foreign import ForeignCode
from gdbench.operations import PassOf, pass_of, prices_of
from gdbench.protocol import ExtendableITMModel, Known, PlanningITMModel, Scores
from gdbench.records import Prices
from gdbench.scoring import Counters, score_stream
from gdbench.store import Clocks


class LocalEngine(Engine):
    """A loaded model in this process."""

    def __init__(self, model: Any, item_timeout: float | None = None) -> None:
        """Take a model with card, settings and content (see `gdbench.models.own.own_model`).

        `item_timeout` is the seconds in which it has to give its next answer; None: any time.
        """
        self.model, self.item_timeout = model, item_timeout
        self._counters = Counters(model)
        self._begun = 0
        self._own_peak = True
        self.subject = Subject(model.card, model.settings, model.content)

    @property
    def extends(self) -> bool:
        """See `Engine`."""
        return isinstance(self.model, ExtendableITMModel)

    def begin(self, passes: int = 0) -> None:
        """See `Engine`. Where the peak cannot be reset, only the first task's is known."""
        if isinstance(self.model, PlanningITMModel):
            foreign = ForeignCode(self.model.card.name, lambda: "the next task")
            foreign.call(self.model.expect_passes, passes)
        self._begun += 1
        self._own_peak = reset_peak_memory() or self._begun == 1
        reset_peak_device_memory(self._device)

    def score(
        self, items: Iterable[Known], *, rescue: Callable[[], None] | None = None
    ) -> Iterator[Scores]:
        """See `Engine`; in the order of the items, none is asked for before it is needed."""
        for _, scores in score_stream(
            self.model, items, item_timeout=self.item_timeout, rescue=rescue
        ):
            yield scores

    def clocks(self) -> Clocks:
        """See `Engine`."""
        return self._counters()

    def prices(self) -> Prices:
        """See `Engine`."""
        return prices_of(self.model)

    def pass_of(self) -> PassOf | None:
        """See `Engine`."""
        return pass_of(self.model)

    def place(self) -> Place:
        """See `Engine`."""
        device = self._device
        return Place(
            device=device,
            device_name=device_name(device),
            peak_memory_bytes=peak_memory_bytes() if self._own_peak else None,
            peak_device_memory_bytes=peak_device_memory_bytes(device),
        )

    @property
    def _device(self) -> str:
        return str(getattr(self.model, "device", "cpu"))
