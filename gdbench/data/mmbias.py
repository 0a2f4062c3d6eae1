"""All of MMBias: fourteen groups of people, of which the paper's bias task has nine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from gdbench.data.bias import group_items
from gdbench.data.catalogue import BIAS_GROUPS
from gdbench.data.entry import Download, Entry, Shape
from gdbench.data.loading import Part, Source, load
from gdbench.protocol import Item, Query
from gdbench.records import Compat

_MMBIAS = "https://raw.githubusercontent.com/sepehrjng92/MMBias/HEAD/data"
GROUPS: Mapping[str, tuple[str, ...]] = {
    **{group: (folder,) for group, folder in BIAS_GROUPS.items()},
    "chinese": ("Nationality/Chinese",),
    "mexican": ("Nationality/Mexican",),
    # the names of these folders were not seen: those of the list of addresses, and like ones
    "mental": ("Disability/Mental", "Disability/Mental Disability"),
    "disability": (
        "Disability/Disability",
        "Disability/Physical",
        "Disability/Physical Disability",
    ),
    "nondisabled": ("Disability/Non-Disabled", "Disability/Non-disabled", "Disability/NonDisabled"),
}
"""Folders below `mmbias/data/Images` in which a group's pictures may lie."""
TOPICS: Mapping[str, tuple[str, ...]] = {
    "religion": ("christian", "muslim", "jewish", "hindu", "buddhist"),
    "nationality": ("american", "arab", "chinese", "mexican"),
    "orientation": ("heterosexual", "lgbt"),
    "disability": ("nondisabled", "mental", "disability"),
}
WORDS = ("mmbias/textual_phrases.txt", "mmbias/data/textual_phrases.txt")


def _read(source: Source, path: str) -> Iterator[Item]:
    tree = source.tree
    found = {
        group: tree.first(*(f"mmbias/data/Images/{name}" for name in names))
        or f"mmbias/data/Images/{names[0]}"
        for group, names in GROUPS.items()
    }
    yield from group_items(source, path, found)


PARTS = (Part(WORDS, _read),)
ENTRY = Entry(
    parts=f"{__name__}:PARTS",
    expected=dict.fromkeys(GROUPS, 250),
    shapes=dict.fromkeys(GROUPS, Shape(Query.ASSOCIATION, 1, 120)),
    folders=("mmbias",),
    license="MIT (annotations); photographs of third parties",
    downloads=(
        Download(f"{_MMBIAS}/textual_phrases.txt", WORDS[0]),
        *(
            Download(
                f"{_MMBIAS}/Images/{name.replace(' ', '%20')}.zip",
                f"mmbias/data/Images/{name}.zip",
                unpack="mmbias/data/Images",
            )
            for name in ("Religion", "Nationality", "Sexual Orientation", "Disability")
        ),
    ),
)


def items(root: Path | None, compat: Compat | None, *, allow_partial: bool) -> Iterable[Item]:
    """One item for each picture; see `gdbench.data.loading.load` for what is raised."""
    return load("mmbias", PARTS, root, compat, allow_partial=allow_partial, entry=ENTRY)
