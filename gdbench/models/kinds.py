"""Kinds of models: what each claims, which options it uses, how it loads. One file a kind.

`KINDS` is open: an entry point of the group `gdbench.kinds` adds one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

from gdbench.errors import InputError
from gdbench.protocol import Family, ITMModel
from gdbench.records import ModelSettings
from gdbench.registry import Registry
from gdbench.run import ModelRequest, Where, flag_of


@dataclass(frozen=True)
class ModelEntry:
    """What is known of a model before it is loaded.

    `source` is a hub id, an `architecture/tag` of open_clip, or a folder; `kind` a name in `KINDS`.
    """

    name: str
    kind: str
    source: str
    family: Family
    description: str = ""
    revision: str | None = None  # hub revision; None: the newest, recorded as found
    parameters: int | None = None
    license: str = ""
    gated: bool = False
    url: str = ""
    bibtex: str = ""
    lora: str | None = None
    max_length: int | None = None  # tokens that it was trained with, if not its pipeline's default
    extra: dict[str, str] = field(default_factory=dict, hash=False)

    @property
    def local(self) -> bool:
        """Whether the source is a folder (or nothing at all) and no hub id."""
        return self.kind == "baseline" or Path(self.source).is_absolute()

    def card_fields(self) -> dict[str, str]:
        """What a card takes over from the entry."""
        return {
            "license": self.license,
            "url": self.url,
            "description": self.description,
            "bibtex": self.bibtex,
        }


@runtime_checkable
class Kind(Protocol):
    """One kind of model."""

    name: str
    uses: frozenset[str]
    """Which fields of `ModelSettings` and `Where` it uses, and `lora` if it takes one. A seed and
    a device may be given to every kind."""

    def claim(self, source: str) -> ModelEntry | None:
        """An entry for what a user typed after --model, None where it is another kind's.

        Raises InputError for a source of this kind that is not well formed.
        """

    def is_here(self, entry: ModelEntry) -> bool:
        """Whether the weights are on this machine; loads and fetches nothing."""

    def load(self, entry: ModelEntry, request: ModelRequest, where: Where) -> ITMModel:
        """The model. Raises GdbenchError with one line where it cannot be had."""


KINDS: Registry[Kind] = Registry("kind of model", "gdbench.kinds")
KINDS.add("baseline", "gdbench.models.baselines:KIND")
KINDS.add("open-clip", "gdbench.models.open_clip:KIND")
KINDS.add("diffusion-itm", "gdbench.models.diffusion_itm.kind:KIND")
KINDS.add("hf-dual", "gdbench.models.hf_dual:KIND")
KINDS.add("hf-itm", "gdbench.models.hf_itm:KIND")
KINDS.add("hf-vlm", "gdbench.models.hf_vlm:KIND")

# the harness keeps the time, whatever the model
_ALWAYS = frozenset({"seed", "device", "item_timeout"})


def asked_options(request: ModelRequest, where: Where) -> dict[str, object]:
    """The options that were chosen, by field name, those of `lora` and `arguments` included."""
    settings = {
        name: value
        for name in ModelSettings.asked_names()
        if (value := getattr(request.settings, name)) is not None
    }
    if settings["seed"] == 0:
        del settings["seed"]
    places = {
        name: value
        for name, field_ in Where.model_fields.items()
        if (value := getattr(where, name)) != field_.default
    }
    more: Mapping[str, object] = {"lora": request.lora, "arguments": request.arguments}
    return settings | places | {name: value for name, value in more.items() if value}


def refuse_unused(uses: frozenset[str], request: ModelRequest, where: Where, what: str) -> None:
    """Raise InputError for an option that was chosen and that a model does not use."""
    asked = asked_options(request, where)
    unused = [flag_of(n, value) for n, value in asked.items() if n not in uses | _ALWAYS]
    if unused:
        flags = ", ".join(unused)
        plural = "them" if len(unused) > 1 else "it"
        raise InputError(f"{flags}: {what} does not use {plural}; leave {plural} out")


def clean_name(name: str) -> str:
    """A card's name from any text."""
    clean = "".join(c if c.isascii() and (c.isalnum() or c in "._+-") else "-" for c in name)
    return clean.strip("._+-")[:96] or "model"
