"""One hash over the hashes of many things, whatever their order."""

from __future__ import annotations

import hashlib

import numpy as np


def sorted_sha256(digests: bytearray) -> str:
    """sha256 (hex) over sha256 digests in order. `digests` has one after the other, and is sorted.

    Sorting in place spares a copy of 32 bytes for each item.
    """
    lines = np.frombuffer(digests, dtype=f"S{hashlib.sha256().digest_size}")
    lines.sort()
    return hashlib.sha256(lines.data).hexdigest()
