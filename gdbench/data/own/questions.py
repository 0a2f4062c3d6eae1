"""What is asked of rows: it follows from their columns, or is chosen by `--ask`.

Wrong candidates are drawn by a seed made of the question's id, from texts or names in the order of
the alphabet: the same content in any container, and in any order, asks the same questions.
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from gdbench.data.own.columns import Columns
from gdbench.data.own.options import PROMPT, Ask, DataOptions, filled, placeholder_of
from gdbench.data.own.pictures import ENDINGS
from gdbench.data.own.rows import Row
from gdbench.data.problems import Problems
from gdbench.protocol import ImageRef, Item, Query

SEED = "gdbench-own-1"
CANDIDATES = 10
TEXT, IMAGE = "text_retrieval", "image_retrieval"
_LONGEST_STEM = 200
_FEW = 4  # times as many in the pool as are wanted: then drawing again and again ends soon
_PAIR = 2
_MOST_GROUPS = 10  # each is compared with each other one


@dataclass(frozen=True)
class Words:
    """Two sets of words for association."""

    names: tuple[str, str]
    first: tuple[str, ...]
    second: tuple[str, ...]


@dataclass
class Questions:
    """Rows, and what can be asked of them; problems go to one list."""

    rows: Sequence[Row]
    columns: Columns
    options: DataOptions
    problems: Problems
    file: str
    words: Words | None = None
    prompt: str | None = None
    """A template that comes with the data."""

    def ask(self) -> Ask | None:
        """What is asked; None after a problem: nothing can be, or more than one thing."""
        possible = self._possible()
        if self.options.ask is not None:
            return self._as_said(self.options.ask)
        if len(possible) == 1:
            return next(iter(possible))
        if possible:
            reasons = "; ".join(f"{ask} ({why})" for ask, why in possible.items())
            problem = f"the columns can ask several things: {reasons}; choose one with --ask"
        else:
            problem = "nothing to ask: there is no column of captions, classes or groups"
        self.problems.add(self.file, "", problem)
        return None

    def _possible(self) -> dict[Ask, str]:
        has = self.columns.has
        possible: dict[Ask, str] = {}
        if has("caption") and has("negatives"):
            possible["negatives"] = "negatives"
        if has("class"):
            possible["classes"] = "classes"
        if has("group") and self.words is not None:
            possible["association"] = "groups and words"
        elif has("group") and has("caption"):
            sizes = Counter(row.group for row in self.rows if row.group)
            pairs = bool(sizes) and max(sizes.values()) <= _PAIR
            possible["pairs" if pairs else "image"] = "groups"
        if not possible and has("caption"):
            possible["retrieval"] = "captions"
        return possible

    def _as_said(self, ask: Ask) -> Ask | None:
        needs: Mapping[Ask, tuple[str, ...]] = {
            "negatives": ("caption", "negatives"),
            "classes": ("class",),
            "pairs": ("caption", "group"),
            "association": ("group",),
        }
        lacking = [role for role in needs.get(ask, ("caption",)) if not self.columns.has(role)]
        problem = f"--ask {ask}: there is no column {lacking[0]}" if lacking else ""
        if ask == "association" and self.words is None and not lacking:
            problem = "--ask association: give two lists of words, words.json or --words"
        if problem:
            self.problems.add(self.file, "", problem)
            return None
        return ask

    def items(self, ask: Ask) -> Iterator[Item]:
        """The questions, in the order of the rows."""
        makers: Mapping[Ask, Callable[[], Iterator[Item]]] = {
            "negatives": self._negatives,
            "text": self._text,
            "image": self._grouped if self.columns.has("group") else self._image,
            "retrieval": self._both,
            "pairs": self._pairs,
            "classes": self._classes,
            "association": self._association,
        }
        yield from makers[ask]()

    def _add(self, entry: str, problem: str, *, blocking: bool = True) -> None:
        self.problems.add(self.file, entry, problem, blocking=blocking)

    def _item(
        self, name: str, row: Row, images: Sequence[ImageRef], texts: Sequence[str], query: Query,
        subtask: str, gold: tuple[int, ...] = (0,),
    ) -> Item:  # fmt: skip
        return Item(
            id=name, images=tuple(images), texts=tuple(texts), query=query, gold=gold,
            subtask=row.subtask or subtask, cluster=stem_of(row.name), tags=row.tags,
        )  # fmt: skip

    def _negatives(self) -> Iterator[Item]:
        for stem, row in named(self.rows):
            if not row.negatives:
                self._add(f"{row.place}: {row.name}".lstrip(": "), "no negatives")
                continue
            texts = (row.caption, *row.negatives)
            yield self._item(
                f"negatives/{stem}", row, [row.image], texts, Query.TEXT_RETRIEVAL, TEXT
            )

    def _both(self) -> Iterator[Item]:
        for item in self._image():
            yield _renamed(item, IMAGE)
        for item in self._text():
            yield _renamed(item, TEXT)

    def _enough(self, n: int, what: str) -> int:
        """How many candidates a question has; 0 after a problem."""
        if n < _PAIR:
            self._add("", f"fewer than two different {what}: nothing to choose between")
            return 0
        wanted = self.options.candidates
        if wanted is not None and n < wanted:
            self._add("", f"--candidates {wanted}, there are only {n} different {what}")
            return 0
        return min(wanted or CANDIDATES, n)

    def _text(self) -> Iterator[Item]:
        pool = sorted({row.caption for row in self.rows})
        own: dict[str, set[str]] = {}
        for row in self.rows:
            own.setdefault(row.name, set()).add(row.caption)
        k = self._enough(len(pool), "captions")
        for stem, row in named(self.rows) if k else ():
            texts = drawn(f"text/{stem}", row.caption, pool, own[row.name], k)
            if len(texts) < k:
                self._add(f"{row.place}: {row.name}", "too few captions of other pictures")
                continue
            yield self._item(f"text/{stem}", row, [row.image], texts, Query.TEXT_RETRIEVAL, TEXT)

    def _image(self) -> Iterator[Item]:
        images = {row.name: row.image for row in self.rows}
        stems = stems_of(images)
        by_stem = {stems[name]: image for name, image in images.items()}
        pool = sorted(by_stem)
        right: dict[str, set[str]] = {}
        for row in self.rows:
            right.setdefault(row.caption, set()).add(stems[row.name])
        k = self._enough(len(pool), "pictures")
        for stem, row in named(self.rows) if k else ():
            names = drawn(f"image/{stem}", stems[row.name], pool, right[row.caption], k)
            if len(names) < k:
                self._add(f"{row.place}: {row.name}", "too few pictures with other captions")
                continue
            pictures = [by_stem[name] for name in names]
            yield self._item(
                f"image/{stem}", row, pictures, [row.caption], Query.IMAGE_RETRIEVAL, IMAGE
            )

    def _by_group(self) -> dict[str, list[Row]]:
        groups: dict[str, list[Row]] = {}
        for row in self.rows:
            if row.group:
                groups.setdefault(row.group, []).append(row)
            else:
                self._add(f"{row.place}: {row.name}".lstrip(": "), "no group")
        return groups

    def _grouped(self) -> Iterator[Item]:
        """One picture among those of its group."""
        for group, rows in self._by_group().items():
            images = {row.name: row.image for row in rows}
            if len(images) < _PAIR:
                self._add(group, "a group of one picture: nothing to choose between")
                continue
            stems = stems_of(images)
            for stem, row in named(rows):
                same = [r.name for r in rows if r.caption == row.caption and r.name != row.name]
                if same:
                    self._add(f"{row.place}: {row.name}", "another picture has this caption")
                    continue
                names = [row.name, *sorted((n for n in images if n != row.name), key=stems.get)]  # type: ignore[arg-type] # every name has a stem
                pictures = [images[n] for n in names]
                item = self._item(
                    f"image/{group}/{stem}", row, pictures, [row.caption], Query.IMAGE_RETRIEVAL,
                    IMAGE,
                )  # fmt: skip
                yield _clustered(item, group)

    def _pairs(self) -> Iterator[Item]:
        for group, rows in self._by_group().items():
            first, *others = rows
            wrong = ""
            if len({row.name for row in rows}) == 1:
                wrong = "a group of one picture; a pair has two"
            elif len(rows) != _PAIR:
                wrong = f"{len(rows)} rows in a group; a pair has two"
            elif first.caption == others[0].caption:
                wrong = "both pictures of a pair have the same caption"
            if wrong:
                self._add(group, wrong)
                continue
            pair = sorted(rows, key=lambda row: stem_of(row.name))
            item = self._item(
                f"pairs/{group}", pair[0], [r.image for r in pair], [r.caption for r in pair],
                Query.MATCHING, "pairs", gold=(0, 1),
            )  # fmt: skip
            yield _clustered(item, group)

    def _classes(self) -> Iterator[Item]:
        for row in self.rows:
            if not row.label:
                self._add(f"{row.place}: {row.name}".lstrip(": "), "no class")
        if self.columns.has("tags"):
            self.problems.notes.append("tags are not used: the parts of the mean are the classes")
        labels = sorted({row.label for row in self.rows if row.label})
        if len(labels) < _PAIR:
            if labels:
                self._add("", f"one class only ({labels[0]}): nothing to choose between")
            return
        if all(label.isdecimal() for label in labels):
            self.problems.notes.append(
                "the classes are numbers: a model can only guess their names"
            )
        own = self.prompt if self.prompt and placeholder_of(self.prompt) else None
        prompt = self.options.prompt or own or PROMPT
        texts = [filled(prompt, label) for label in labels]
        place = {label: k for k, label in enumerate(labels)}
        for stem, row in named([row for row in self.rows if row.label]):
            yield Item(
                id=f"classes/{stem}", images=(row.image,), texts=tuple(texts),
                query=Query.TEXT_RETRIEVAL, gold=(place[row.label],),
                subtask=row.subtask or "classes", cluster=stem_of(row.name), tags=(row.label,),
            )  # fmt: skip

    def _association(self) -> Iterator[Item]:
        groups = self._by_group()
        if len(groups) < _PAIR:
            self._add("", "one group only: association compares two")
            return
        if len(groups) > _MOST_GROUPS:
            self._add("", f"{len(groups)} groups: association compares {_MOST_GROUPS} at most")
            return
        if self.words is None:
            return
        texts = (*self.words.first, *self.words.second)
        for group, rows in groups.items():
            images = {row.name: row for row in rows}
            if len(images) < _PAIR:
                self._add(group, "a group of one picture; association needs two or more of each")
                continue
            stems = stems_of(images)
            for name, row in images.items():
                yield Item(
                    id=f"association/{group}/{stems[name]}", images=(row.image,), texts=texts,
                    query=Query.ASSOCIATION, gold=tuple(range(len(self.words.first))),
                    subtask=group, cluster=f"{group}/{stems[name]}", tags=row.tags,
                )  # fmt: skip


def _renamed(item: Item, subtask: str) -> Item:
    """The item in a sub-task that tells its direction."""
    own = item.subtask != subtask
    return replace(item, subtask=f"{item.subtask}_{subtask}" if own else subtask)


def _clustered(item: Item, group: str) -> Item:
    return replace(item, cluster=group)


def drawn(
    name: str, right: str, pool: Sequence[str], excluded: Collection[str], k: int
) -> tuple[str, ...]:
    """`right`, then k - 1 others of the sorted pool, drawn by a seed made of the question's id.

    Fewer where the pool has not so many that are not excluded.
    """
    rng = random.Random(f"{SEED}/{name}")
    if len(pool) - len(excluded) < _FEW * k:
        others = [value for value in pool if value not in excluded and value != right]
        return (right, *rng.sample(others, min(k - 1, len(others))))
    chosen: dict[str, None] = {}
    while len(chosen) < k - 1:
        value = pool[rng.randrange(len(pool))]
        if value not in excluded and value != right:
            chosen[value] = None
    return (right, *chosen)


def stem_of(name: str) -> str:
    """A picture's name without its ending; a very long one is cut and told apart by its hash."""
    path = PurePosixPath(name.removeprefix("./"))
    stem = path.with_suffix("").as_posix() if path.suffix.lower() in ENDINGS else path.as_posix()
    if len(stem) <= _LONGEST_STEM:
        return stem
    return f"{stem[:_LONGEST_STEM]}-{hashlib.sha256(stem.encode()).hexdigest()[:12]}"


def stems_of(names: Collection[str]) -> dict[str, str]:
    """The stem of each name, or all of it where two pictures have the same stem."""
    counts = Counter(map(stem_of, names))
    return {name: stem if counts[stem := stem_of(name)] == 1 else name for name in names}


def named(rows: Sequence[Row]) -> Iterator[tuple[str, Row]]:
    """Each row with a name of its own: the picture's, and a number from its second row on."""
    stems = stems_of({row.name: None for row in rows})
    seen: Counter[str] = Counter()
    for row in rows:
        stem = stems[row.name]
        seen[stem] += 1
        yield (stem if seen[stem] == 1 else f"{stem}#{seen[stem]}"), row
