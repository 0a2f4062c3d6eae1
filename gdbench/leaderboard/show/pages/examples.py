"""The example browser: pictures, texts and every model's scores, 50 items a page."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gdbench.leaderboard.judge.examples import (
    Example,
    Source,
    curves,
    example,
    pool_shown,
    shown_items,
    sources,
)
from gdbench.leaderboard.judged.board import Board, PoolBoard
from gdbench.leaderboard.show.paths import pool_key
from gdbench.leaderboard.show.render import Renderer
from gdbench.leaderboard.show.sprite import Sprite, sprite
from gdbench.leaderboard.suites import suite_words, task_title
from gdbench.leaderboard.words import file_name
from gdbench.numbers import SHARE, value_text
from gdbench.protocol import Item, Query
from gdbench.tasks.base import Task

PAGE = 50
SIDE = 64
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
class Exhibition:
    """What other pages link to."""

    items: Mapping[tuple[str, str], ItemPlace]
    """By task and item."""
    entrances: Mapping[tuple[str, str], str]
    """First page of the items that a model (by its slug) answered, by the task."""


def anchor(item: Item) -> str:
    """The item's place on its page."""
    return file_name(item.id)


def write(renderer: Renderer, board: Board) -> Exhibition:
    """Write `examples/` for a bundled suite; returns where every item is shown."""
    pool = pool_shown(board)
    index: list[dict[str, object]] = []
    addresses: dict[tuple[str, str], ItemPlace] = {}
    entrances: dict[tuple[str, str], str] = {}
    for task in board.tasks if pool is not None else ():
        assert pool is not None  # noqa: S101 # the loop is empty otherwise
        found = sources(pool, task)
        links = []
        for subtask, items in shown_items(pool, task, found).items():
            links += _subtask(renderer, pool, task, subtask, items, found, addresses)
        entrances |= {(s.row.slug, task.name): links[0].path for s in found if links}
        if links:
            index.append({"task": task, "title": task_title(task, pool.pool.suite), "links": links})
    title = pool.pool.title if pool is not None else ""
    renderer.page(
        "examples/index.html", "examples.html", title="Examples", here="examples", tasks=index,
        places=_by_page(addresses.values()),
        pool=title, about=suite_words(pool.pool.suite).about if pool is not None else "",
    )  # fmt: skip
    return Exhibition(addresses, entrances)


def _by_page(places: Iterable[ItemPlace]) -> dict[str, ItemPlace]:
    """The first item of each page."""
    found: dict[str, ItemPlace] = {}
    for place in places:
        found.setdefault(place.page, place)
    return found


def _subtask(
    renderer: Renderer,
    pool: PoolBoard,
    task: Task,
    subtask: str,
    items: list[Item],
    found: list[Source],
    addresses: dict[tuple[str, str], ItemPlace],
) -> list[PageLink]:
    chunks = [items[i : i + PAGE] for i in range(0, len(items), PAGE)]
    base = f"examples/{pool_key(pool.pool)}/{file_name(task.name)}/{file_name(subtask)}"
    links = []
    for number, chunk in enumerate(chunks, 1):
        path = f"{base}-{number}.html"
        label = subtask.replace("_", " ") + (
            f", {number} of {len(chunks)}" if len(chunks) > 1 else ""
        )
        links.append(PageLink(label, path, len(chunk)))
    for number, (chunk, link) in enumerate(zip(chunks, links, strict=True)):
        sheet = _page(
            renderer, task, link, [example(item, found) for item in chunk], found,
            links[number - 1] if number else None,
            links[number + 1] if number + 1 < len(links) else None,
        )  # fmt: skip
        for item in chunk:
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
    task: Task,
    link: PageLink,
    examples: list[Example],
    found: list[Source],
    before: PageLink | None,
    after: PageLink | None,
) -> Sprite:
    """Write one page; returns its sheet of pictures."""
    stem = link.path.removesuffix(".html")
    suite = found[0].row.pool.suite
    sheet = sprite((i for e in examples for i in e.item.images), SIDE)
    renderer.tree.add(_png(link), sheet.png)
    data = {}
    for source in found:
        lines = {anchor(e.item): c for e in examples if (c := curves(e.item, source)) is not None}
        if lines:
            data[source.row.label] = lines
    if data:
        text = json.dumps(data, separators=(",", ":"), ensure_ascii=True, sort_keys=True)
        renderer.tree.add(f"{stem}.js", f"gdbench.curves({text});\n")
    renderer.page(
        link.path,
        "example.html",
        title=f"{task_title(task, suite)}: {link.label}",
        name=task_title(task, suite),
        about=suite_words(suite).about,
        here="examples",
        task=task,
        link=link,
        examples=[{"e": e, "id": anchor(e.item), "asks": _ASKS[e.item.query]} for e in examples],
        models=[s.row for s in found],
        curves=f"{stem}.js" if data else "",
        sheet=sheet,
        png=_png(link),
        chance=_chance(examples[0].item),
        before=before,
        after=after,
    )
    return sheet
