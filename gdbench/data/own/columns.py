"""Which column means what: by its name, or as the user says."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gdbench.data.own.options import DataOptions
from gdbench.data.problems import Problems

ROLES: Mapping[str, tuple[str, ...]] = {
    "picture": (
        "file", "file_name", "filename", "file_path", "filepath", "image", "images", "image_file",
        "image_name", "image_path", "img", "img_path", "path", "photo", "picture",
    ),
    "caption": (
        "caption", "captions", "comment", "description", "sentence", "sentences", "text", "texts",
        "title", "txt",
    ),
    "negatives": (
        "distractors", "foil", "foils", "hard_negative", "hard_negatives", "negative",
        "negative_caption", "negative_captions", "negatives",
    ),
    "class": ("category", "class", "class_name", "classname", "cls", "label", "label_name"),
    "group": ("group",),
    "tags": ("tag", "tags"),
    "sub-task": ("sub_task", "subtask"),
    "split": ("split",),
}  # fmt: skip
_OPTIONS = {
    "picture": "image_column",
    "caption": "caption_column",
    "class": "label_column",
}
_NUMBERED = re.compile(r"(?:hard_)?negative(?:_caption)?_?\d+")
_KNOWN = {name: role for role, names in ROLES.items() for name in names}


def plain(name: str) -> str:
    """A column's name without case, spaces and hyphens."""
    return re.sub(r"[\s-]+", "_", name.strip().lower())


def role_of(name: str) -> str | None:
    """What a column of this name means; None: nothing."""
    clean = plain(name)
    return "negatives" if _NUMBERED.fullmatch(clean) else _KNOWN.get(clean)


def is_known(name: str) -> bool:
    """Whether a column of this name means something."""
    return role_of(name) is not None


@dataclass(frozen=True)
class Columns:
    """The columns of each role; all but `negatives` have one at most."""

    by_role: Mapping[str, tuple[str, ...]]

    def one(self, role: str) -> str | None:
        """The column of a role."""
        names = self.by_role.get(role, ())
        return names[0] if names else None

    def has(self, role: str) -> bool:
        """Whether there is one."""
        return bool(self.by_role.get(role))


def assign(
    names: Sequence[str],
    options: DataOptions,
    file: str,
    problems: Problems,
    picture: str | None = None,
) -> Columns | None:
    """The meaning of the columns; None after a problem: one that is missing, or two for one role.

    `picture` is the column of a container that holds the pictures themselves.
    """
    found: dict[str, tuple[str, ...]] = {}
    good = True
    taken = set()
    for role, option in _OPTIONS.items():
        said = getattr(options, option)
        if said is None:
            continue
        if said not in names:
            have = ", ".join(names) or "none"
            flag = "--" + option.replace("_", "-")
            problems.add(file, "", f"{flag} {said}: no such column; there are: {have}")
            good = False
        taken.add(said)
        found[role] = (said,)
    if picture is not None and "picture" not in found:
        found["picture"] = (picture,)
    for role in ROLES:
        if role in found:
            continue
        own = tuple(n for n in names if role_of(n) == role and n not in taken)
        if len(own) > 1 and role != "negatives":
            good = False
            problems.add(file, "", _ambiguous(role, own))
        found[role] = own
    used = {name for own in found.values() for name in own}
    rest = [n for n in names if n not in used and role_of(n) != "picture"]
    if rest and good:
        problems.notes.append(f"{file}: not used: {', '.join(rest)}")
    return Columns(found) if good else None


def _ambiguous(role: str, names: Sequence[str]) -> str:
    number = "two" if len(names) == 2 else str(len(names))  # noqa: PLR2004 # a pair
    option = _OPTIONS.get(role)
    advice = (
        "rename all but one" if option is None else f"say --{option.replace('_', '-')} {names[0]}"
    )
    return f"{number} columns could be the {role}: {', '.join(names)}; {advice}"


def texts_of(value: Any) -> tuple[str, ...] | None:
    """The texts in a value: a text, a list of texts, or a list in JSON; None: something else."""
    if isinstance(value, str):
        text = value.strip()
        if text.startswith('["') and text.endswith("]"):
            try:
                return texts_of(json.loads(text))
            except ValueError:
                return (text,)
        return (text,) if text else ()
    if value is None:
        return ()
    if isinstance(value, list | tuple) and all(isinstance(v, str) for v in value):
        return tuple(v.strip() for v in value if v.strip())
    return None


def many_of(value: Any) -> tuple[str, ...] | None:
    """Several texts: as `texts_of`, and in a text they may be separated by a bar."""
    texts = texts_of(value)
    if texts is None or not isinstance(value, str) or len(texts) != 1:
        return texts
    return tuple(part.strip() for part in texts[0].split("|") if part.strip())


def word_of(value: Any) -> str | None:
    """A name: a text or a whole number; None: something else."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value.strip()
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None
