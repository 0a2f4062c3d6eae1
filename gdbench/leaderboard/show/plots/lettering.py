"""How wide words are, and where they break, before any browser has drawn them.

A page takes the reader's own sans-serif font. Widths are those of a wide one (DejaVu Sans), rounded
up by kinds of characters, so that words take at most what is planned for them.
"""

from __future__ import annotations

import re
import unicodedata

_WIDTHS = {  # of an em
    0.30: "ijlI|'",
    0.33: " ,.",
    0.42: 'frt()[]!-:;/\\`"',
    0.54: "sxyzckvJ",
    0.66: "abdeghnopquLFTEZ?_0123456789",
    0.72: "ABCKPRSVXY*",
    0.80: "DGHNUOQw&%~+=<>#",
    1.00: "mMW@",
}
_EM = {character: width for width, characters in _WIDTHS.items() for character in characters}
_OTHER = 0.75
_BREAKS = re.compile(r"(?<=[-_./+,@:])|(?= )")


def width(words: str, size: float) -> float:
    """At most so many pixels for a line in a font of `size` pixels."""
    return size * sum(_em(character) for character in words)


def _em(character: str) -> float:
    if character in _EM:
        return _EM[character]
    return 1.0 if unicodedata.east_asian_width(character) in "FW" else _OTHER


def wrapped(words: str, most: float, size: float) -> list[str]:
    """Lines of at most `most` pixels: broken at spaces and signs, and within words that are longer.

    Nothing is left out.
    """
    lines = [""]
    for piece in _BREAKS.split(words):
        if width((lines[-1] + piece).strip(), size) <= most:
            lines[-1] += piece
            continue
        if lines[-1].strip():
            lines.append("")
        for character in piece.lstrip() if not lines[-1] else piece:
            if lines[-1] and width(lines[-1] + character, size) > most:
                lines.append("")
            lines[-1] += character
    return [line.strip() for line in lines]
