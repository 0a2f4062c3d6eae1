"""What the evaluation knows of an engine."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from pydantic import Field

from gdbench.operations import PassOf
from gdbench.protocol import Known, ModelCard, Scores
from gdbench.records import Content, ModelSettings, Prices, Strict
from gdbench.store import Clocks


@dataclass(frozen=True)
class Subject:
    """The model as the run knows it, wherever it was loaded."""

    card: ModelCard
    settings: ModelSettings
    content: Content


class Place(Strict):
    """On what a model ran."""

    device: str
    """As torch names it, e.g. `cuda:0`."""
    device_name: str
    """As it names itself."""
    devices: tuple[str, ...] = ()
    """The names of the workers' devices, one for each worker; empty where there was one process."""
    peak_memory_bytes: int | None
    """Of the process that needed most, since `Engine.begin`; None where that was not measured."""
    peak_device_memory_bytes: int | None = Field(default=None, exclude_if=lambda peak: peak is None)
    """The same of the device's own memory; None where the device is the host or keeps no peak."""


def largest(peaks: Iterable[int | None]) -> int | None:
    """The largest of some peaks; None where one of them is not known."""
    known = list(peaks)
    return None if None in known else max(p for p in known if p is not None)


class Engine(ABC):
    """Scores items with one model."""

    subject: Subject

    @property
    @abstractmethod
    def extends(self) -> bool:
        """Whether the model goes on from an item's scores at the first timesteps."""

    @abstractmethod
    def begin(self, passes: int = 0) -> None:
        """A task begins: the peak of memory is its own from here on.

        `passes` of a network are all that it can take, those of an earlier start included; 0 for
        models without timesteps.
        """

    @abstractmethod
    def score(
        self, items: Iterable[Known], *, rescue: Callable[[], None] | None = None
    ) -> Iterator[Scores]:
        """Checked scores of every item that lacks any, in any order.

        `rescue` saves what was scored, for a model that cannot be interrupted. Raises
        ModelOutputError where the model is at fault, SetAsideError after everything else is
        scored where items failed again and again.
        """

    @abstractmethod
    def clocks(self) -> Clocks:
        """What was spent so far, over all workers."""

    @abstractmethod
    def prices(self) -> Prices:
        """What the model's networks take for one picture, text and pass."""

    def pass_of(self) -> PassOf | None:
        """What a pass with a text takes, where that depends on the text and the model is here."""
        return None

    @abstractmethod
    def place(self) -> Place:
        """On what the model ran so far."""
