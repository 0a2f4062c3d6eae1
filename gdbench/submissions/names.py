"""Names that look like another's, or that some file systems cannot hold."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from gdbench.readable import shown
from gdbench.records import ResultRecord

_DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)", re.IGNORECASE)
"""Names of devices, which Windows keeps for itself with any ending."""
# Characters and pairs that look alike in most fonts.
_ALIKE = (("rn", "m"), ("vv", "w"), ("cl", "d"), ("0", "o"), ("1", "l"), ("i", "l"), ("5", "s"))
_SEPARATORS = re.compile(r"[._+-]")


def unusable(name: str) -> str:
    """Why a name cannot be a folder everywhere; empty where it can."""
    if _DEVICES.match(name):
        return f"{shown(name)} is the name of a device on Windows"
    if name.endswith("."):
        return f"{shown(name)} ends with a dot, which Windows leaves out"
    return ""


def skeleton(name: str) -> str:
    """What a name looks like at a glance: equal for names that are easily confused."""
    found = name.casefold()
    for one, other in _ALIKE:
        found = found.replace(one, other)
    return _SEPARATORS.sub("", found)


def registered_names() -> set[str]:
    """The names of the models that gdbench knows."""
    from gdbench.models import MODELS

    return set(MODELS)


def impersonation(record: ResultRecord) -> str:
    """Why a record may not bear the name of a registered model; empty where it may.

    A name that gdbench knows stands for one source. Whether the weights are those of the source
    is seen when the model is run again.
    """
    from gdbench.models import MODELS
    from gdbench.models.kinds import ModelEntry

    name, card = record.model.name, record.model
    entry: object = MODELS.get(name) if name in MODELS else None
    if not isinstance(entry, ModelEntry):
        return ""
    source = "" if entry.kind == "baseline" else entry.source
    if entry.local:
        source = Path(source).name
    if card.source != source:
        return (
            f"{shown(name)} is the name of a registered model whose source is {shown(source)}, "
            f"not {shown(card.source)}"
        )
    if card.family != entry.family:
        return f"{shown(name)} is of family {entry.family}, not {card.family}"
    return ""


def confusable(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Names that look like another one, each with that other: a registered one, or the first."""
    known = registered_names()
    groups: dict[str, list[str]] = defaultdict(list)
    for name in [*sorted(known), *names]:
        if name not in groups[skeleton(name)]:
            groups[skeleton(name)].append(name)
    for group in groups.values():
        if len(group) > 1:
            for name in group[1:]:
                if name not in known:
                    yield name, group[0]
