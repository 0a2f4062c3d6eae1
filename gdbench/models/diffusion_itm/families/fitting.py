"""Whether the parts of a pipeline fit together, from their configurations alone.

A family names the widths that have to agree; what no configuration shows is told of the first pass
that fails (see `told`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from inspect import Parameter, signature
from pathlib import Path
from typing import Any

from torch import Tensor

from gdbench.errors import GdbenchError, InputError
from gdbench.memory import is_out_of_memory
from gdbench.models.diffusion_itm.conditioning import Conditions
from gdbench.models.diffusion_itm.denoiser import Network
from gdbench.models.diffusion_itm.families.components import Component, quiet, read_config

_REASON_LENGTH = 200
_CHANNELS = "channels"


@dataclass(frozen=True)
class Fit:
    """Widths that two parts have to agree on.

    A width is named `part.key`, or `part.key.0` for one number of a list.
    """

    gives: tuple[str, ...]
    """Widths of the parts that give; they stand side by side, so they add up."""
    takes: str
    """The width of the network that takes them."""
    times: int = 1
    """How many numbers of the network one number given becomes."""
    at_least: bool = False
    """Whether the network's may be wider: what is missing is filled with zeros."""
    or_twice: bool = False
    """Whether it may be twice as wide: the second half is a variance."""
    what: str = "numbers per token"

    def problem(self, read: Configurations) -> str:
        """Why the parts do not fit in a sentence; empty where they do, or nothing says so."""
        given = [read.width(name) for name in self.gives]
        taken = read.width(self.takes)
        known = [number for number in given if number is not None]
        if len(known) < len(given) or taken is None:
            return ""
        total = self.times * sum(known)
        if taken == total or (self.at_least and taken > total):
            return ""
        if self.or_twice and taken == 2 * total:
            return ""
        sources = " and ".join(dict.fromkeys(name.partition(".")[0] for name in self.gives))
        many = "give" if " and " in sources else "gives"
        network, _, key = self.takes.partition(".")
        return f"{sources} {many} {total} {self.what} and {network} takes {taken} ({key})"


def channels(
    network: str = "transformer",
    gives: str = "vae.latent_channels",
    times: int = 1,
    *,
    returns: int | None = None,
    with_variance: bool = False,
) -> tuple[Fit, Fit]:
    """The VAE's channels, `times` each, are what the network takes.

    `returns` of each (default: as many as it takes) are what it returns, or twice as many
    `with_variance`.
    """
    back = times if returns is None else returns
    return (
        Fit((gives,), f"{network}.in_channels", times, what=_CHANNELS),
        Fit((gives,), f"{network}.out_channels", back, or_twice=with_variance, what=_CHANNELS),
    )


@dataclass(frozen=True)
class Configurations:
    """What the configurations of a folder say, with their classes' own defaults."""

    folder: Path
    components: tuple[Component, ...]
    layout: str

    def width(self, name: str) -> int | None:
        """A width; None where its part is absent or it is no whole number."""
        part, *keys = name.split(".")
        component = next((c for c in self.components if c.name == part), None)
        if component is None:
            return None
        for value in self._of(component):
            for key in keys:
                value = _inner(value, key)  # noqa: PLW2901 # a walk down
            if isinstance(value, int) and not isinstance(value, bool):
                return value
        return None

    def _of(self, component: Component) -> list[Any]:
        """A configuration; of a model with pictures, then that of its language model."""
        config = read_config(self.folder, component.name, component.config, self.layout)
        if component.library == "diffusers":
            return [_defaults(str(config.get("_class_name"))) | config]
        return _of_transformers(self.folder / component.name, config["architectures"][0])


def check_widths(fits: Sequence[Fit], read: Configurations) -> None:
    """Raise InputError, in one line, for the first widths that do not agree."""
    for fit in fits:
        problem = fit.problem(read)
        if not problem:
            continue
        hint = ""
        if fit.what == _CHANNELS:
            hint = "; networks for inpainting, editing or control cannot be scored"
        raise InputError(f"{read.folder}: {problem}{hint}")


@contextmanager
def told(folder: Path, what: str) -> Iterator[None]:
    """Errors of the libraries become one line, as configurations do not show everything.

    Raises InputError; what gdbench itself raises, and exhausted memory, passes.
    """
    try:
        yield
    except GdbenchError:
        raise
    except (
        RuntimeError, ValueError, TypeError, IndexError, KeyError, AttributeError, AssertionError,
    ) as error:  # fmt: skip
        if is_out_of_memory(error):
            raise
        reason = " ".join(str(error).split())[:_REASON_LENGTH] or type(error).__name__
        raise InputError(
            f"{folder}: {what} fails at its first use ({reason}); the parts of this pipeline may "
            "not fit together"
        ) from error


class FirstChecked:
    """A network of which, until a pass was right, a failure is told as one of the parts."""

    def __init__(self, folder: Path, network: Network) -> None:
        self.folder, self.network, self.has_run = folder, network, False

    def __call__(
        self, x: Tensor, times: Tensor, conditions: Conditions, owner: Tensor | None = None
    ) -> Tensor:
        """See `Network`. Raises InputError as `told`, or for an output of another shape."""
        if self.has_run:
            return self.network(x, times, conditions, owner)
        with told(self.folder, "the network"):
            out = self.network(x, times, conditions, owner)
        if out.shape[1:] != x.shape[1:]:
            raise InputError(
                f"{self.folder}: the network returns {tuple(out.shape[1:])} for latents of "
                f"{tuple(x.shape[1:])}; it cannot be scored"
            )
        self.has_run = True
        return out


@cache
def _defaults(name: str) -> dict[str, Any]:
    """What a class of diffusers takes for a key that its configuration does not have."""
    arguments = signature(getattr(import_module("diffusers"), name).__init__).parameters
    return {n: a.default for n, a in arguments.items() if a.default is not Parameter.empty}


def _inner(value: Any, key: str) -> Any:
    if isinstance(value, list | tuple):
        return value[int(key)] if int(key) < len(value) else None
    return value.get(key) if isinstance(value, dict) else getattr(value, key, None)


def _of_transformers(path: Path, name: str) -> list[Any]:
    kind = getattr(import_module("transformers"), name).config_class
    try:
        with quiet():
            config = kind.from_pretrained(path, local_files_only=True)
            return [config, config.get_text_config()]
    except Exception as error:  # noqa: BLE001 # a stranger's file; the library raises anything
        reason = " ".join(str(error).split())[:_REASON_LENGTH] or type(error).__name__
        raise InputError(f"{path}/config.json cannot be read ({reason})") from None
