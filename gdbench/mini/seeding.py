"""Seeds: every random draw of the mini benchmark comes from a sha256 of what it is for."""

from __future__ import annotations

import hashlib
import random


def stream(*key: str | int) -> random.Random:
    """Return the random stream of `key`, e.g. ``stream(0, "test", "winoground", 17)``."""
    digest = hashlib.sha256("/".join(str(part) for part in key).encode()).digest()
    return random.Random(int.from_bytes(digest[:8], "big"))
