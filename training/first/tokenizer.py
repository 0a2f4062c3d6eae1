"""A CLIPTokenizer of our own: every word of the captions is one token, bytes for the rest."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path

from transformers import CLIPTokenizer
from transformers.convert_slow_tokenizer import bytes_to_unicode

from gdbench.mini.actors import OBJECTS, SUBJECTS, VERBS
from gdbench.mini.creatures import GROUPS, KIND_NAMES, PLEASANT, UNPLEASANT
from gdbench.mini.scenes import COLUMNS, COUNTS, RELATIONS, ROWS
from gdbench.mini.shapes import COLOUR_NAMES, SHAPE_NAMES

MAX_LENGTH = 24
END_OF_WORD = "</w>"
START, END = "<|startoftext|>", "<|endoftext|>"


def words() -> list[str]:
    """Return every word that a caption can have, sorted."""
    phrases = [
        *COLOUR_NAMES,
        *SHAPE_NAMES,
        *(f"{shape}s" for shape in SHAPE_NAMES),
        *SUBJECTS,
        *OBJECTS,
        *VERBS,
        *KIND_NAMES,
        *GROUPS,
        *PLEASANT,
        *UNPLEASANT,
        *COLUMNS,
        *ROWS,
        *RELATIONS,
        *COUNTS,
        "a photo of an the and creature small large crosses",
    ]
    return sorted({word for phrase in phrases for word in phrase.split()})


def merges() -> list[tuple[str, str]]:
    """Return byte-pair merges, in order, that turn each word into one token."""
    spelled = [[*word[:-1], word[-1] + END_OF_WORD] for word in words()]
    found: list[tuple[str, str]] = []
    while True:
        pairs = Counter(pair for symbols in spelled for pair in pairwise(symbols))
        if not pairs:
            return found
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        found.append(best)
        for symbols in spelled:
            place = 0
            while place < len(symbols) - 1:
                if (symbols[place], symbols[place + 1]) == best:
                    symbols[place : place + 2] = ["".join(best)]
                place += 1


def build() -> CLIPTokenizer:
    """Return the tokenizer; the end token has the highest id, as CLIP text towers expect."""
    letters = list(bytes_to_unicode().values())
    rules = merges()
    tokens = [*letters, *(letter + END_OF_WORD for letter in letters)]
    tokens += list(dict.fromkeys(first + second for first, second in rules))
    vocabulary = {token: place for place, token in enumerate([*tokens, START, END])}
    return CLIPTokenizer(vocab=vocabulary, merges=rules, model_max_length=MAX_LENGTH)


def save(folder: Path) -> None:
    """Write the tokenizer's files into `folder`, offline loadable by transformers."""
    build().save_pretrained(str(folder))
