"""Times that strangers and maintainers name."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

FIRST = datetime(2023, 1, 1, tzinfo=UTC)
"""The year of the paper: nothing of gdbench is older."""
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def last() -> datetime:
    """The latest that a time may be: clocks differ, and so do zones."""
    return datetime.now(UTC) + timedelta(days=1)


def is_day(text: str) -> bool:
    """Whether a text is a day of the calendar like 2026-01-31, from 2023 on and not in future."""
    if not _DATE.fullmatch(text):
        return False
    try:
        return FIRST.date() <= date.fromisoformat(text) <= last().date()
    except ValueError:
        return False
