"""Python's search for cycles, kept from objects that form none.

The collector goes through all containers again whenever a quarter more of them are there. For a
million items that is a fifth of the time of a run, and frees nothing.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_collection() -> Iterator[None]:
    """For a block that makes many objects and no cycles."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@contextmanager
def left_alone() -> Iterator[None]:
    """For a block of a stranger's code: what is there already is not gone through again."""
    if gc.get_freeze_count():
        # somebody else's; to give back one's own would give back theirs
        yield
        return
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
