"""How many floating-point operations the questions of a task take: counted, never measured.

The counts follow from the items and the score log, the prices from the model's networks. Neither
knows batches, workers or caches, so a run has one number however it was run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from gdbench.protocol import Item, Scores
from gdbench.records import Operations, Prices
from gdbench.store import Block, ScoreLog

PRICE_TOLERANCE = 0.02  # versions of torch count some kernels a little otherwise
PassOf = Callable[[str], int]
"""Operations of a pass that reads this text."""
NOT_COUNTED = "this kind of model does not say what its networks take"
VARIES = "a longer text takes more, and the captions of a run differ in length"
OTHER_OPTIONS = "scored again under options that take other passes than the run's"


def prices_of(model: object) -> Prices:
    """What a model says that its networks take; what is no `Prices` says nothing."""
    try:
        found = getattr(model, "prices", None)
    except Exception as error:  # noqa: BLE001 # a stranger's property can raise anything
        return Prices(unknown=f"counting them failed: {type(error).__name__}")
    return found if isinstance(found, Prices) else Prices(unknown=NOT_COUNTED)


def pass_of(model: object) -> PassOf | None:
    """A model's `pass_flops_of`, of those whose passes take more for longer texts and can tell."""
    if prices_of(model).unknown != VARIES:
        return None
    found = getattr(model, "pass_flops_of", None)
    return found if callable(found) else None


def spent(
    prices: Prices, items: Sequence[Item], log: ScoreLog, pass_of: PassOf | None = None
) -> Operations | str:
    """What scoring `items` took, whose finished log this is, or why nobody knows.

    `pass_of` gives the price of a pass with a text, of a model without timesteps whose passes take
    more for longer texts. Raises InputError where a picture cannot be read.
    """
    if prices.unknown and pass_of is None:
        return prices.unknown
    pictures: set[str] = set()
    texts: set[str] = set()
    for item in items:
        shown, said = _seen(prices, item)
        pictures.update(shown)
        texts.update(said)
    varying = 0
    passes, without_caption = _passes(prices, items, log) if prices.network else (0, 0)
    if pass_of is not None:
        pairs = {pair for item in items for pair in product(*_seen(prices, item))}
        passes = len(pairs)
        varying = sum(pass_of(text) for _, text in pairs)
    return Operations(
        pictures=len(pictures),
        # what stands for no caption is encoded like any other text
        texts=len(texts) + bool(without_caption),
        passes=passes + without_caption,
        picture_flops=prices.picture,
        text_flops=prices.text,
        pass_flops=prices.network,
        varying_flops=varying,
    )


def disagreement(
    found: Operations, prices: Prices, items: Sequence[Item], steps: int | None
) -> str:
    """Why counted operations are not those of a model with these prices; empty where they are.

    Args:
        found: what a record says.
        prices: the model's own; where they are unknown, so is the answer.
        items: all items of the record.
        steps: timesteps of each pair; None: there are none, or a rule stopped items at some.

    Raises InputError where a picture cannot be read.
    """
    if prices.unknown:
        return ""
    for what, said, own in (
        ("picture", found.picture_flops, prices.picture),
        ("text", found.text_flops, prices.text),
        ("pass", found.pass_flops, prices.network),
    ):
        if abs(said - own) > PRICE_TOLERANCE * own:
            return f"a {what} takes {own:,} operations here, the record says {said:,}"
    seen = [_seen(prices, item) for item in items]
    pictures = len({sha for shown, _ in seen for sha in shown})
    texts = len({text for _, said in seen for text in said})
    ranges = [("pictures", found.pictures, pictures, 0), ("texts", found.texts, texts, 1)]
    if prices.network and steps is not None:
        pairs = sum(len(set(shown)) * len(set(said)) for shown, said in seen)
        ranges.append(("passes", found.passes, pairs * steps, pictures * steps))
    for what, count, own, more in ranges:
        if not own <= count <= own + more:
            return f"the items take {own:,} {what}, the record says {count:,}"
    return ""


def _seen(prices: Prices, item: Item) -> tuple[list[str], list[str]]:
    """Hashes of the pictures and the texts that a model sees in place of an item's."""
    shown = [image.sha256 for image in item.images]
    return (
        [""] * len(shown) if prices.unseen == "pictures" else shown,
        [""] * len(item.texts) if prices.unseen == "texts" else list(item.texts),
    )


def _passes(prices: Prices, items: Sequence[Item], log: ScoreLog) -> tuple[int, int]:
    """Passes with a caption, and without."""
    by_id = {item.id: item for item in items}
    # without timesteps a pair passes once, however many items ask for it
    pairs: set[tuple[str, str]] = set()
    passes = 0
    without_caption: dict[str, int] = {}
    for block in log.blocks():
        for k, name in enumerate(block.ids.to_pylist()):
            shown, said = _seen(prices, by_id[name])
            images = {sha: shown.index(sha) for sha in shown}
            texts = {text: said.index(text) for text in said}
            lengths = _timesteps(block, k)
            if lengths is None:
                pairs |= {(sha, text) for sha in images for text in texts}
                continue
            passes += int(lengths[np.ix_(list(images.values()), list(texts.values()))].sum())
            for sha, row in images.items():
                alone = _timesteps_alone(block, k, row)
                without_caption[sha] = max(alone, without_caption.get(sha, 0))
    return passes + len(pairs), sum(without_caption.values())


def _timesteps(block: Block, k: int) -> NDArray[np.int64] | None:
    """Timesteps at which each pair of an item was evaluated, shape (n_images, n_texts)."""
    start, end = block.starts[k : k + 2].tolist()
    if block.errors is None or not block.errors.valid[start]:
        return None
    found: NDArray[np.int64] = np.diff(block.errors.offsets[start : end + 1])
    return found.reshape(block.shapes[k])


def _timesteps_alone(block: Block, k: int, image: int) -> int:
    """Timesteps at which a picture of an item was evaluated without a caption."""
    row = int(block.starts[k] + image * block.shapes[k, 1])
    if block.base is None or not block.base.valid[row]:
        return 0
    return int(block.base.offsets[row + 1] - block.base.offsets[row])


def fewer(whole: Operations, before: Sequence[Scores], log: Sequence[Scores]) -> Operations | str:
    """Those of the same items at fewer timesteps: `log` is the first part of the log `before`."""
    if logged_passes(before) != whole.passes:
        return OTHER_OPTIONS
    return whole.model_copy(update={"passes": logged_passes(log)})


def logged_passes(log: Sequence[Scores], *, normalise: bool = True) -> int:
    """Network passes behind the errors of a log.

    Equal pairs of an item are evaluated once, and so are the unconditional errors of a picture
    that several items have: equal rows of errors are one. Where a rule stopped, items have more or
    fewer of a picture's errors, and the longest row counts.
    """
    passes = 0
    # by their first error, which two pictures may share
    unconditional: dict[float, list[NDArray[np.float32]]] = {}
    for scores in log:
        if scores.errors is None:
            continue
        # errors are at least 0, and NaN would be unequal to itself
        known = np.where(np.isfinite(scores.errors), scores.errors, -1)
        rows = np.unique(known.reshape(-1, known.shape[-1]), axis=0)
        passes += int((rows >= 0).sum())
        base = scores.unconditional_errors if normalise else None
        for row in () if base is None else base:
            finite = row[np.isfinite(row)]
            if len(finite):
                _keep_longest(unconditional.setdefault(float(finite[0]), []), finite)
    return passes + sum(len(row) for rows in unconditional.values() for row in rows)


def _keep_longest(rows: list[NDArray[np.float32]], new: NDArray[np.float32]) -> None:
    """Add a picture's row, unless it is the beginning of one that is there, or takes its place."""
    for place, row in enumerate(rows):
        shared = min(len(row), len(new))
        if np.array_equal(row[:shared], new[:shared]):
            rows[place] = max(row, new, key=len)
            return
    rows.append(new)
