"""Items that a user's own code yields, looked at before anything is made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from gdbench.errors import GdbenchError, InputError
from gdbench.foreign import describe_fault
from gdbench.protocol import ImageRef, Item, Query

LONGEST_ID = 300
_FEWEST = {
    Query.TEXT_RETRIEVAL: (1, 2),
    Query.IMAGE_RETRIEVAL: (2, 1),
    Query.MATCHING: (2, 2),
    Query.ASSOCIATION: (1, 2),
}


def checked(
    source: Callable[[], Iterable[Item]], task: str, *, pairs: bool = False
) -> Iterator[Item]:
    """The items of a user's own source, each after a look at it.

    `pairs` says whether the task has scores of pairs, which are of two pictures and two texts.
    Raises InputError with one line that names the task and the item, also for whatever the code
    that yields them raises.
    """
    seen: set[str] = set()
    for number, item in enumerate(_stream(source, task), 1):
        if not isinstance(item, Item):
            kind = type(item).__name__
            raise InputError(f"task {task}: item {number} is a {kind}, expected a gdbench.Item")
        wrong = "two items have this id" if item.id in seen else fault_of(item)
        if wrong:
            raise InputError(f"task {task}: item {str(item.id)[:80]!r}: {wrong}")
        if pairs and item.query is Query.MATCHING and not _is_pair(item):
            raise InputError(
                f"task {task}: item {item.id[:80]!r}: {len(item.images)} pictures, "
                f"{len(item.texts)} texts and gold {item.gold}; scores of pairs ask for two of "
                "each, the text of each picture in its place: gold (0, 1)"
            )
        seen.add(item.id)
        yield item


def _is_pair(item: Item) -> bool:
    return (len(item.images), len(item.texts), item.gold) == (2, 2, (0, 1))


def _stream(source: Callable[[], Iterable[Item]], task: str) -> Iterator[object]:
    try:
        yield from source()
    except (GdbenchError, GeneratorExit):
        raise
    except Exception as error:
        fault = describe_fault(error)
        raise InputError(f"task {task}: its items cannot be had: {fault}") from error


def fault_of(item: Item) -> str:
    """What is wrong with an item; empty: nothing. Its fields may be of any type."""
    name: object = item.id
    query: object = item.query
    if not isinstance(name, str) or not 0 < len(name) <= LONGEST_ID:
        return f"an id is a text of 1 to {LONGEST_ID} characters"
    if not isinstance(query, Query):
        return f"query is {query!r}, expected a gdbench.Query"
    return _type_fault(item) or _content_fault(item)


def _type_fault(item: Item) -> str:
    """What field of an item is of another type than it says; empty: none."""
    for name in ("images", "texts", "gold", "tags", "ranks"):
        value: object = getattr(item, name)
        # a text would be read letter by letter
        if not isinstance(value, tuple):
            return f"{name} is of type {type(value).__name__}, expected a tuple"
    for name in ("subtask", "cluster"):
        if not isinstance(getattr(item, name), str):
            return f"{name} is {getattr(item, name)!r}, expected a text"
    if not all(type(number) is int for number in (*item.gold, *item.ranks)):
        return f"gold is {item.gold!r} and ranks are {item.ranks!r}, expected whole numbers"
    if not all(isinstance(tag, str) for tag in item.tags):
        return f"tags are {item.tags!r}, expected texts"
    return ""


def _content_fault(item: Item) -> str:
    """What is wrong with pictures, texts and what is right; empty: nothing."""
    if not all(isinstance(image, ImageRef) for image in item.images):
        return "images are made by gdbench.image(path)"
    if not all(isinstance(text, str) and text.strip() for text in item.texts):
        return "a text is empty, or no text"
    n_images, n_texts = len(item.images), len(item.texts)
    least_images, least_texts = _FEWEST[item.query]
    if n_images < least_images or n_texts < least_texts:
        return (
            f"{n_images} pictures and {n_texts} texts; {item.query.value} needs "
            f"{least_images} and {least_texts} or more"
        )
    return _gold_fault(item)


def _gold_fault(item: Item) -> str:
    n_images, n_texts = len(item.images), len(item.texts)
    choices = n_images if item.query is Query.IMAGE_RETRIEVAL else n_texts
    expected = {Query.MATCHING: n_images, Query.ASSOCIATION: len(item.gold)}.get(item.query, 1)
    if not item.gold or len(item.gold) != expected:
        return f"gold has {len(item.gold)} indices, expected {max(1, expected)}"
    if not all(0 <= k < choices for k in item.gold):
        return f"gold {item.gold} is out of 0..{choices - 1}"
    if item.query is Query.ASSOCIATION and len(set(item.gold)) == n_texts:
        return "gold names all words as the first set, none is left for the second"
    return ""
