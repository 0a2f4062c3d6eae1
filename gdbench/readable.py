"""Texts that a record may hold: its readers refuse all others, and so a run does before it begins.

Records are shown on web pages and terminals; both escape, and still no record needs markup, control
characters, or marks that turn the direction of writing.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any

TASK_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}\Z")
"""Of a task, and so of a folder of a run."""
MAX_TEXT = 4_000  # characters of one string
# control, invisible, unassigned, and other ends of a line
_FORBIDDEN_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_PILED = 4  # marks on one letter; more of them cover the lines above


def shown(value: object, length: int = 60) -> str:
    """A value from a file, safe and short enough to print on a terminal."""
    text = ascii(value)
    return text if len(text) <= length else text[: length - 3] + "..."


def text_problem(text: str) -> str | None:
    """Why a string may not stand in a record, None where it may."""
    if len(text) > MAX_TEXT:
        return f"has {len(text)} characters, at most {MAX_TEXT} are allowed"
    if "<" in text or ">" in text:
        return f"has markup: {shown(text)}"
    if text.isascii() and text.isprintable():  # most texts, and no character of them to look up
        return None
    marks = 0
    for character in text:
        marks = marks + 1 if unicodedata.combining(character) else 0
        if marks > _PILED:
            return f"has more than {_PILED} marks on one letter: {shown(text)}"
        if character != "\n" and unicodedata.category(character) in _FORBIDDEN_CATEGORIES:
            return f"has the control character U+{ord(character):04X}"
    return None


def first_problem(value: Any, where: str = "") -> str | None:
    """The first string or key of parsed JSON that may not stand in a record, with its place."""
    if isinstance(value, str):
        problem = text_problem(value)
        return problem and f"{where} {problem}"
    if isinstance(value, dict):
        for key, inner in value.items():
            problem = text_problem(key)
            if problem:
                return f"a key of {where or 'the record'} {problem}"
            problem = first_problem(inner, f"{where}.{key}" if where else key)
            if problem:
                return problem
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            problem = first_problem(inner, f"{where}[{i}]")
            if problem:
                return problem
    return None
