"""What came when, from the records alone: a page and an Atom feed (RFC 4287)."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby

from gdbench.leaderboard.judged.board import Board, Row
from gdbench.leaderboard.judged.trust import BADGES
from gdbench.leaderboard.show.estimate import shown
from gdbench.leaderboard.show.paths import model_page, numbered, pager
from gdbench.leaderboard.show.render import Renderer
from gdbench.numbers import SHARE

_NAMESPACE = uuid.UUID("5f1c1f0e-6d3b-5b52-9a55-0e1f5a3f7d10")  # made once, never changed
_EPOCH = "1970-01-01T00:00:00Z"
_FEED_LENGTH = 100
PAGE = 500
"""Changes on one page."""


@dataclass(frozen=True)
class Change:
    """One model's records of one suite."""

    day: str
    updated: str
    title: str
    text: str
    page: str
    identity: str


def instant(text: str) -> str:
    """A record's time as RFC 3339 in UTC; the epoch where it is not a time."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return _EPOCH
    if time.tzinfo is None:
        time = time.replace(tzinfo=UTC)
    try:
        return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")
    except (OverflowError, ValueError):
        return _EPOCH


def changes(board: Board) -> list[Change]:
    """All changes, newest first."""
    found = []
    first_revision: dict[str, tuple[str, str]] = {}
    rows = [row for pool in board.pools for row in pool.rows]
    for row in rows:
        key = (instant(row.created), row.model.revision)
        name = row.model.name
        first_revision[name] = min(first_revision.get(name, key), key)
    for row in rows:
        when = instant(row.created)
        new = first_revision[row.model.name][1] == row.model.revision
        found.append(
            Change(
                day=when[:10],
                updated=when,
                title=row.label,
                text=_text(row, "new model" if new else "new revision"),
                page=model_page(row.slug),
                identity=uuid.uuid5(_NAMESPACE, f"{row.name} {row.pool!r}").urn,
            )
        )
    return sorted(
        sorted(found, key=lambda c: (c.title, c.identity)), key=lambda c: c.updated, reverse=True
    )


def _text(row: Row, what: str) -> str:
    n = len(row.results)
    parts = [f"{what}, {row.pool.title} suite, {n} {'task' if n == 1 else 'tasks'}"]
    if row.score is not None:
        score = shown(row.score, SHARE)
        parts.append(f"GDBench score {score.text} {score.interval}".rstrip())
    parts.append(BADGES[row.trust.badge].label)
    return "; ".join(parts)


def write(renderer: Renderer, board: Board) -> None:
    """Write `changes.html` and `feed.xml`."""
    found = changes(board)
    chunks = [found[i : i + PAGE] for i in range(0, len(found), PAGE)] or [[]]
    for number, chunk in enumerate(chunks, 1):
        days = [(day, list(group)) for day, group in groupby(chunk, key=lambda c: c.day)]
        renderer.page(
            numbered("changes.html", number), "changes.html", title="Changes", here="changes",
            days=days, pages=pager("changes.html", number, len(chunks)),
        )  # fmt: skip
    renderer.page(
        "feed.xml",
        "feed.xml",
        changes=found[:_FEED_LENGTH],
        updated=found[0].updated if found else _EPOCH,
        identity=uuid.uuid5(_NAMESPACE, "feed").urn,
    )
