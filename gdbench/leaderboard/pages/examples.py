"""The example browser: pictures, texts and every model's scores, 50 items a page."""

from __future__ import annotations

import json
from dataclasses import dataclass

from gdbench.leaderboard.board import Board, PoolBoard
from gdbench.leaderboard.examples import (
    Example,
    Source,
    curves,
    example,
    pool_shown,
    shown_items,
    sources,
)
from gdbench.leaderboard.paths import pool_key
from gdbench.leaderboard.render import Renderer
from gdbench.leaderboard.sprite import sprite
from gdbench.leaderboard.suites import suite_words, task_title
from gdbench.leaderboard.words import file_name
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


def anchor(item: Item) -> str:
    """The item's place on its page."""
    return file_name(item.id)


def write(renderer: Renderer, board: Board) -> dict[tuple[str, str], str]:
    """Write `examples/` for the bundled suite; returns the address of every item shown."""
    pool = pool_shown(board)
    index: list[dict[str, object]] = []
    addresses: dict[tuple[str, str], str] = {}
    for task in board.tasks if pool is not None else ():
        assert pool is not None  # noqa: S101 # the loop is empty otherwise
        found = sources(pool, task)
        links = []
        for subtask, items in shown_items(pool, task, found).items():
            links += _subtask(renderer, pool, task, subtask, items, found, addresses)
        if links:
            index.append({"task": task, "title": task_title(task, pool.pool.suite), "links": links})
    title = pool.pool.title if pool is not None else ""
    renderer.page(
        "examples/index.html", "examples.html", title="Examples", here="examples", tasks=index,
        pool=title, about=suite_words(pool.pool.suite).about if pool is not None else "",
    )  # fmt: skip
    return addresses


def _subtask(
    renderer: Renderer,
    pool: PoolBoard,
    task: Task,
    subtask: str,
    items: list[Item],
    found: list[Source],
    addresses: dict[tuple[str, str], str],
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
        for item in chunk:
            addresses[task.name, item.id] = f"{path}#{anchor(item)}"
    for number, (chunk, link) in enumerate(zip(chunks, links, strict=True)):
        _page(
            renderer, task, link, [example(item, found) for item in chunk], found,
            links[number - 1] if number else None,
            links[number + 1] if number + 1 < len(links) else None,
        )  # fmt: skip
    return links


def _page(
    renderer: Renderer,
    task: Task,
    link: PageLink,
    examples: list[Example],
    found: list[Source],
    before: PageLink | None,
    after: PageLink | None,
) -> None:
    stem = link.path.removesuffix(".html")
    suite = found[0].row.pool.suite
    sheet = sprite((i for e in examples for i in e.item.images), SIDE)
    renderer.tree.add(f"{stem}.png", sheet.png)
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
        png=f"{stem}.png",
        before=before,
        after=after,
    )
