"""Captions that a text encoder does not read as they stand: cut, or with the tokenizer's signs.

A tokenizer takes `<|endoftext|>` in a caption for its own end sign, and the encoder pools there:
nothing fails, and the score is that of the words before it. Such a caption is counted like one
that was cut, and a line says so.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any, Literal

Unread = Literal["cut", "special"]
_NAMED = ("bos", "eos", "pad", "cls", "sep", "mask")
logger = logging.getLogger(__name__)
_WHY: dict[Unread, str] = {
    "cut": "is longer than the text encoder reads, and was cut",
    "special": "holds the tokenizer's own special tokens, and is not read as it stands",
}


def special_ids(tokenizer: Any) -> frozenset[int]:
    """Ids of a tokenizer's signs (start, end, padding, picture, ...).

    That of unknown words is none, unless it is another sign too, as the end is in CLIP. A single
    character is text: Stable Diffusion 2 pads with "!".
    `tokenizer` is one of transformers, or open_clip's own.
    """
    added = getattr(tokenizer, "added_tokens_decoder", {})
    ids = {int(i) for i in getattr(tokenizer, "all_special_ids", ())}
    ids |= {int(i) for i, token in added.items() if getattr(token, "special", False)}
    others = {getattr(tokenizer, f"{name}_token_id", None) for name in _NAMED}
    signs = ids - ({getattr(tokenizer, "unk_token_id", None)} - others)
    return frozenset(i for i in signs if not _is_character(tokenizer, i))


def _is_character(tokenizer: Any, token: int) -> bool:
    named = getattr(tokenizer, "convert_ids_to_tokens", None)
    return callable(named) and len(str(named(token))) == 1


def plain_ids(tokenizer: Any, text: str) -> list[int]:
    """Ids of a text, nothing added and nothing cut."""
    if callable(getattr(tokenizer, "convert_ids_to_tokens", None)):
        ids = tokenizer(text, add_special_tokens=False, truncation=False, verbose=False)
        return list(ids["input_ids"])
    return list(tokenizer.encode(text))


def has_special_tokens(tokenizer: Any, text: str) -> bool:
    """Whether a tokenizer takes a part of the text for one of its own signs."""
    inner = getattr(tokenizer, "tokenizer", None) or tokenizer
    return not special_ids(inner).isdisjoint(plain_ids(inner, text))


def unread(tokenizer: Any, text: str, length: int) -> Unread | None:
    """What keeps a text encoder of `length` tokens, signs included, from reading a text.

    `tokenizer` is one of transformers, open_clip's own, or open_clip's wrapper of one.
    """
    inner = getattr(tokenizer, "tokenizer", None) or tokenizer
    ids = plain_ids(inner, text)
    if not special_ids(inner).isdisjoint(ids):
        return "special"
    count = getattr(inner, "num_special_tokens_to_add", None)
    # open_clip's own adds a start and an end
    signs = 2 if count is None else count()
    return "cut" if len(ids) + signs > length else None


class UnreadTexts:
    """Counts captions that are not read as they stand; the first of each sort is a warning."""

    def __init__(self, model: str, judge: Callable[[str], Unread | None]) -> None:
        self._model, self._judge = model, judge
        self._told: set[Unread] = set()

    def count(self, texts: Iterable[str]) -> int:
        """How many of some texts are cut, or hold special tokens."""
        reasons = [(text, self._judge(text)) for text in texts]
        for text, reason in reasons:
            if reason is not None and reason not in self._told:
                self._told.add(reason)
                logger.warning("%s: the caption %.60r %s", self._model, text, _WHY[reason])
        return sum(reason is not None for _, reason in reasons)
