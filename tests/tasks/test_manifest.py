"""What defines an item is hashed as canonical JSON."""

import hashlib
import json
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from gdbench.protocol import Item, Query
from gdbench.tasks.base import item_fingerprint, manifest_sha256


@dataclass(frozen=True)
class Named:
    sha256: str


# quotes, escapes, control characters, two and four bytes, half a character
TEXT = st.text('aZ "\\/\n\x00\x7f\u00e9\u2028\U0001f600\udcff', max_size=6)
TEXTS = st.lists(TEXT, max_size=3).map(tuple)
ITEMS = st.builds(
    Item,
    id=TEXT,
    images=st.lists(st.builds(Named, st.text("0123456789abcdef", min_size=4)), max_size=2).map(
        tuple
    ),
    texts=TEXTS,
    query=st.sampled_from(Query),
    gold=st.lists(st.integers(0, 99), max_size=3).map(tuple),
    subtask=TEXT,
    cluster=TEXT,
    tags=TEXTS,
)


@given(ITEMS)
def test_a_fingerprint_is_json(item):
    fields = [
        item.id, item.query.value, item.gold, item.subtask, item.cluster or item.id, item.tags,
        item.texts, [image.sha256 for image in item.images],
    ]  # fmt: skip
    assert item_fingerprint(item) == json.dumps(fields, separators=(",", ":"))


@given(st.lists(ITEMS, max_size=4))
def test_a_manifest_is_the_hash_of_the_sorted_hashes(items):
    digests = sorted(hashlib.sha256(item_fingerprint(i).encode()).digest() for i in items)
    assert manifest_sha256(items) == hashlib.sha256(b"".join(digests)).hexdigest()
