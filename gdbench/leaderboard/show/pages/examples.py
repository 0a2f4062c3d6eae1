"""The example browser: pictures, texts and every model's scores, 50 items a page."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gdbench.leaderboard.judged.board import Board, Pool, Row
from gdbench.leaderboard.judged.examples import Answer, Example
from gdbench.leaderboard.judged.reading import Curve
from gdbench.leaderboard.show.paths import pool_key
from gdbench.leaderboard.show.render import Renderer
from gdbench.leaderboard.show.sprite import Sprite, sprite
from gdbench.leaderboard.suites import suite_words, task_title
from gdbench.leaderboard.words import file_name, typeset
from gdbench.numbers import SHARE, value_text
from gdbench.protocol import Item, Query
from gdbench.tasks.base import Task

PAGE = 50
SIDE = 64
_LEVELS = 9
_ASKS = {
    Query.TEXT_RETRIEVAL: "Which text fits the picture?",
    Query.IMAGE_RETRIEVAL: "Which picture fits the text?",
    Query.MATCHING: "Which text belongs to which picture?",
    Query.ASSOCIATION: "Is the picture nearer to the pleasant words (marked) or the others?",
}


@dataclass(frozen=True)
class PageLink:
    """One page of a sub-task."""

    label: str
    path: str
    n: int


@dataclass(frozen=True)
class ItemPlace:
    """Where an item stands, and a picture of it: a part of its page's sheet of pictures."""

    page: str
    anchor: str
    png: str
    box: str
    """The picture's part of the sheet, as the view box of an SVG."""
    width: int
    height: int


@dataclass(frozen=True)
class Entrances:
    """What other pages link to."""

    items: Mapping[tuple[str, str], ItemPlace]
    """By task and item."""
    models: Mapping[tuple[str, str], str]
    """First page of the items that a model answered, by the name of its row and the task."""
    pool: Pool | None = None
    """The pool whose items these are."""


@dataclass(frozen=True)
class Mark:
    """One score of a line: how it prints, how dark it is, whether it is the highest."""

    text: str
    style: str


@dataclass(frozen=True)
class Line:
    """One model's answer as it is printed."""

    label: str
    answer: Answer
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class ItemView:
    """One item."""

    id: str
    asks: str
    item: Item
    heads: tuple[str, ...]
    gold: frozenset[int]
    split: int
    lines: tuple[Line, ...]


def anchor(item: Item) -> str:
    """The item's place on its page."""
    return file_name(item.id)


def write(renderer: Renderer, board: Board) -> Entrances:
    """Write `examples/` for a bundled suite; returns where every item is shown."""
    shown = board.exhibition
    index: list[dict[str, object]] = []
    addresses: dict[tuple[str, str], ItemPlace] = {}
    entrances: dict[tuple[str, str], str] = {}
    for task in board.tasks if shown is not None else ():
        assert shown is not None  # noqa: S101 # the loop is empty otherwise
        rows = board.pool(shown.pool).by_name
        models = [rows[name] for name in shown.models[task.name]]
        links = []
        for subtask, examples in shown.tasks[task.name].items():
            links += _subtask(renderer, shown.pool, task, subtask, examples, models, addresses)
        entrances |= {(row.name, task.name): links[0].path for row in models if links}
        if links:
            title = task_title(task, shown.pool.suite)
            index.append({"task": task, "title": title, "links": links})
    renderer.page(
        "examples/index.html", "examples.html", title="Examples", here="examples", tasks=index,
        places=_by_page(addresses.values()),
        pool=shown.pool.title if shown is not None else "",
        about=suite_words(shown.pool.suite).about if shown is not None else "",
    )  # fmt: skip
    return Entrances(addresses, entrances, shown.pool if shown is not None else None)


def _by_page(places: Iterable[ItemPlace]) -> dict[str, ItemPlace]:
    """The first item of each page."""
    found: dict[str, ItemPlace] = {}
    for place in places:
        found.setdefault(place.page, place)
    return found


def _subtask(
    renderer: Renderer,
    pool: Pool,
    task: Task,
    subtask: str,
    examples: Sequence[Example],
    models: Sequence[Row],
    addresses: dict[tuple[str, str], ItemPlace],
) -> list[PageLink]:
    chunks = [examples[i : i + PAGE] for i in range(0, len(examples), PAGE)]
    base = f"examples/{pool_key(pool)}/{file_name(task.name)}/{file_name(subtask)}"
    links = []
    for number, chunk in enumerate(chunks, 1):
        path = f"{base}-{number}.html"
        label = subtask.replace("_", " ") + (
            f", {number} of {len(chunks)}" if len(chunks) > 1 else ""
        )
        links.append(PageLink(label, path, len(chunk)))
    for number, (chunk, link) in enumerate(zip(chunks, links, strict=True)):
        sheet = _page(
            renderer, pool, task, link, chunk, models,
            links[number - 1] if number else None,
            links[number + 1] if number + 1 < len(links) else None,
        )  # fmt: skip
        for example in chunk:
            item = example.item
            addresses[task.name, item.id] = _place(item, link, sheet)
    return links


def _png(link: PageLink) -> str:
    return link.path.removesuffix(".html") + ".png"


def _place(item: Item, link: PageLink, sheet: Sprite) -> ItemPlace:
    """The picture is the right one where pictures are looked for, else the first."""
    image = item.images[item.gold[0] if item.query is Query.IMAGE_RETRIEVAL else 0]
    x, y = sheet.places[image.sha256]
    box = f"{x} {y} {sheet.side} {sheet.side}"
    return ItemPlace(link.path, anchor(item), _png(link), box, sheet.width, sheet.height)


def _chance(item: Item) -> str:
    """Chance of the items of a page, in words; empty for an association."""
    if item.query is Query.ASSOCIATION:
        return ""
    if item.query is Query.MATCHING:
        return "Chance: 25.0 for the texts, 25.0 for the pictures, 16.7 for both."
    n = max(len(item.images), len(item.texts))
    return f"Chance: {value_text(1 / n, SHARE)}."


def _page(
    renderer: Renderer,
    pool: Pool,
    task: Task,
    link: PageLink,
    examples: Sequence[Example],
    models: Sequence[Row],
    before: PageLink | None,
    after: PageLink | None,
) -> Sprite:
    """Write one page; returns its sheet of pictures."""
    stem = link.path.removesuffix(".html")
    sheet = sprite((i for e in examples for i in e.item.images), SIDE)
    renderer.tree.add(_png(link), sheet.png)
    labels = {row.name: row.label for row in models}
    data: dict[str, dict[str, object]] = defaultdict(dict)
    for example in examples:
        for answer in example.answers:
            if answer.curve is not None:
                data[labels[answer.row]][anchor(example.item)] = _curve(answer.curve)
    if data:
        text = json.dumps(data, separators=(",", ":"), ensure_ascii=True, sort_keys=True)
        renderer.tree.add(f"{stem}.js", f"gdbench.curves({text});\n")
    renderer.page(
        link.path,
        "example.html",
        title=f"{task_title(task, pool.suite)}: {link.label}",
        name=task_title(task, pool.suite),
        about=suite_words(pool.suite).about,
        here="examples",
        task=task,
        link=link,
        examples=[_view(e, labels) for e in examples],
        models=models,
        curves=f"{stem}.js" if data else "",
        sheet=sheet,
        png=_png(link),
        chance=_chance(examples[0].item),
        before=before,
        after=after,
    )
    return sheet


def _view(example: Example, labels: Mapping[str, str]) -> ItemView:
    item = example.item
    return ItemView(
        id=anchor(item),
        asks=_ASKS[item.query],
        item=item,
        heads=_heads(item),
        gold=example.gold,
        split=example.split,
        lines=tuple(Line(labels[a.row], a, _marks(a)) for a in example.answers),
    )


def _heads(item: Item) -> tuple[str, ...]:
    """What the candidates are called."""
    if item.query is Query.MATCHING:
        return tuple(
            f"{i + 1}{chr(97 + j)}" for i in range(len(item.images)) for j in range(len(item.texts))
        )
    n = max(len(item.images), len(item.texts))
    letters = item.query is not Query.IMAGE_RETRIEVAL
    return tuple(_letter(i) if letters else str(i + 1) for i in range(n))


def _letter(index: int) -> str:
    """Letters from a to z, then aa, ab and so on."""
    first, second = divmod(index, 26)
    return (chr(96 + first) if first else "") + chr(97 + second)


def _marks(answer: Answer) -> tuple[Mark, ...]:
    """Scores with three significant digits, a stronger shade for a higher one."""
    low, high = min(answer.scores), max(answer.scores)
    found = []
    for index, value in enumerate(answer.scores):
        share = (value - low) / (high - low) if high > low else 0.0
        picked = " pick" if index in answer.picked else ""
        found.append(Mark(typeset(f"{value:.3g}"), f"q{round(share * _LEVELS)}{picked}"))
    return tuple(found)


def _curve(curve: Curve) -> dict[str, object]:
    """A curve as the script of the page draws it."""
    return {
        "t": list(curve.timesteps),
        "v": curve.values,
        "u": float(f"{curve.unit:.3g}"),
    }
