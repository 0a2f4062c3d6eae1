"""From raw rows to rows with a meaning: captions, classes, groups, each checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gdbench.data.own.columns import Columns, many_of, texts_of, word_of
from gdbench.data.own.pictures import Pictures
from gdbench.data.own.rows import Raw, Raws, Row
from gdbench.data.problems import Problems
from gdbench.protocol import ImageRef

_LONGEST_WORD = 100


@dataclass
class _Maker:
    raws: Raws
    columns: Columns
    pictures: Pictures
    problems: Problems

    def rows(self, split: str | None) -> Iterator[Row]:
        """The rows that are whole, of one split or all."""
        chosen = [raw for raw in self.raws.rows if split is None or self.split_of(raw) == split]
        column = self.columns.one("picture")
        if self.raws.picture_column is None and column is not None:
            names = [str(raw.values.get(column) or "") for raw in chosen]
            self.pictures.choose_base(names)
        seen: set[tuple[object, ...]] = set()
        for raw in chosen:
            for row in self._made(raw):
                key = (row.name, row.caption, row.negatives, row.label, row.group)
                if key in seen:
                    self._add(raw, f": {row.name}", "the same row stands above")
                    continue
                seen.add(key)
                yield row

    def split_of(self, raw: Raw) -> str:
        """The split of a row, from its column or its file."""
        column = self.columns.one("split")
        return str(raw.values.get(column) or "") if column is not None else raw.split

    def _add(self, raw: Raw, what: str, problem: str) -> None:
        self.problems.add(self.raws.file, f"{raw.place}{what}".lstrip(": "), problem)

    def _made(self, raw: Raw) -> Iterator[Row]:
        """The rows of one raw row: one for each of its captions."""
        name, image = self._picture(raw)
        captions = self._texts(raw, "caption")
        negatives = self._negatives(raw)
        words = {role: self._word(raw, role) for role in ("class", "group", "sub-task")}
        tags = self._texts(raw, "tags", split=True)
        broken = image is None or None in (captions, negatives, tags, *words.values())
        if broken or image is None or captions is None or negatives is None or tags is None:
            return
        if not captions and self.columns.has("caption"):
            self._add(raw, f": {name}", "no caption")
            return
        label = self._label(raw, words["class"] or "")
        if label is None:
            return
        for caption in captions or ("",):
            if caption in negatives and caption:
                self._add(raw, f": {name}", "a negative is the caption itself")
            elif len(set(negatives)) < len(negatives):
                self._add(raw, f": {name}", "a negative stands twice")
            else:
                yield Row(raw.place, name, image, caption, negatives, label,
                          words["group"] or "", tags, words["sub-task"] or "")  # fmt: skip

    def _picture(self, raw: Raw) -> tuple[str, ImageRef | None]:
        if self.raws.picture_column is not None:
            return raw.name, raw.image
        value = raw.values.get(self.columns.one("picture") or "")
        if isinstance(value, Mapping):
            # a picture of `datasets` that was not embedded
            value = value.get("path")
        if not isinstance(value, str) or not value.strip():
            self._add(raw, "", "names no picture")
            return "", None
        name = value.strip()
        return name, self.pictures.find(name, self.raws.file, raw.place)

    def _texts(self, raw: Raw, role: str, *, split: bool = False) -> tuple[str, ...] | None:
        column = self.columns.one(role)
        value = None if column is None else raw.values.get(column)
        found = many_of(value) if split else texts_of(value)
        if found is None:
            self._add(raw, f": {column}", "expected a text, or a list of texts")
        return found

    def _negatives(self, raw: Raw) -> tuple[str, ...] | None:
        found: list[str] = []
        for column in self.columns.by_role.get("negatives", ()):
            texts = many_of(raw.values.get(column))
            if texts is None:
                self._add(raw, f": {column}", "expected a text, or a list of texts")
                return None
            found += texts
        return tuple(found)

    def _word(self, raw: Raw, role: str) -> str | None:
        column = self.columns.one(role)
        word = word_of(None if column is None else raw.values.get(column))
        if word is None or len(word) > _LONGEST_WORD:
            self._add(raw, f": {column}", f"expected a name of at most {_LONGEST_WORD} characters")
            return None
        return word

    def _label(self, raw: Raw, word: str) -> str | None:
        """The name of a class, where the data names it by a number."""
        column = self.columns.one("class")
        value: Any = None if column is None else raw.values.get(column)
        if not self.raws.classes or not isinstance(value, int):
            return word.replace("_", " ")
        if not 0 <= value < len(self.raws.classes):
            self._add(raw, f": {value}", f"no class of this number, of {len(self.raws.classes)}")
            return None
        return self.raws.classes[value].replace("_", " ")


def rows_of(
    raws: Raws, columns: Columns, pictures: Pictures, problems: Problems, split: str | None
) -> list[Row]:
    """The rows that are whole; what is wrong with the others is among the problems."""
    maker = _Maker(raws, columns, pictures, problems)
    splits = _splits(maker, raws.rows)
    if split is not None and split not in splits:
        have = ", ".join(sorted(filter(None, splits))) or "none"
        problems.add(raws.file, "", f"--split {split}: no such split; there are: {have}")
        return []
    if split is None and len(splits) > 1:
        have = ", ".join(f"{name or 'none'} {n:,}" for name, n in sorted(splits.items()))
        problems.notes.append(f"rows of all splits are asked together: {have}; --split takes one")
    return list(maker.rows(split))


def _splits(maker: _Maker, rows: Sequence[Raw]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for raw in rows:
        name = maker.split_of(raw)
        counts[name] = counts.get(name, 0) + 1
    return counts
