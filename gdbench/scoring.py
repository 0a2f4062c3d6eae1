"""What comes out of a model: asked for item by item, checked whole, kept as it was given."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gdbench.errors import ModelOutputError
from gdbench.foreign import ForeignCode
from gdbench.precision import narrowed
from gdbench.protocol import (
    BatchedITMModel,
    ExtendableITMModel,
    Item,
    ITMModel,
    Known,
    Matrix,
    Scores,
)
from gdbench.records import ModelSettings
from gdbench.store import Clocks

logger = logging.getLogger(__name__)
_PLAIN = ModelSettings()
_AXES = {
    "scores": "images, texts",
    "errors": "images, texts, timesteps",
    "unconditional_errors": "images, timesteps",
}
_END = object()
_SINGLE, _DOUBLE = np.dtype(np.float32), np.dtype(np.float64)
_FEW = 32  # numbers that Python has looked at before numpy begins
_DEEPEST = 3  # levels of lists and tensors in each other that are looked into


def score_stream(
    model: ITMModel,
    items: Iterable[Item | Known],
    *,
    item_timeout: float | None = None,
    rescue: Callable[[], None] | None = None,
) -> Iterator[tuple[Item, Scores]]:
    """Checked scores for every item, in order; memory does not grow with the number of items.

    Args:
        model: a model; its code may do anything (see `gdbench.foreign`).
        items: items, or items with their scores at the first timesteps (`Known`): a model with
            `continue_items` evaluates only the rest.
        item_timeout: seconds in which the model has to give its next answer; None: any time.
        rescue: saves what was scored, for a model that cannot be interrupted.

    Yields:
        Items as they were given, and their scores in arrays that nobody else holds.

    Raises:
        ModelOutputError: a wrong shape, type or number, a missing or an unknown item, no answer in
            time, or anything that the model raised; KeyboardInterrupt passes.
    """
    waiting: dict[str, Item] = {}

    def awaited() -> str:
        return f"item {next(iter(waiting))}" if waiting else "the next item"

    name = str(getattr(model.card, "name", type(model).__name__))
    foreign = ForeignCode(name, awaited, item_timeout=item_timeout, rescue=rescue)
    pairs = (i if isinstance(i, tuple) else (i, None) for i in items)
    n_wide = 0
    with foreign:
        for item, scores in _answers(model, pairs, waiting, foreign):
            n_wide += scores.matrix.dtype is not _SINGLE
            yield item, scores
    if n_wide:
        logger.warning(
            "model %s: %d items have scores that float32 would make equal, zero or infinite; they "
            "are kept and compared in float64",
            name,
            n_wide,
        )


def _answers(
    model: ITMModel, items: Iterator[Known], waiting: dict[str, Item], foreign: ForeignCode
) -> Iterator[tuple[Item, Scores]]:
    """Each answer; `waiting` has the items that the model was given and has not answered."""
    found = getattr(model, "settings", None)
    settings = found if isinstance(found, ModelSettings) else _PLAIN
    if not isinstance(model, BatchedITMModel):
        for item, _ in items:
            waiting[item.id] = item
            yield item, foreign.call(_score, model, item, settings)
            del waiting[item.id]
        return

    whole = len(settings.timesteps or ())

    def handed() -> Iterator[Known]:
        for item, earlier in items:
            # of an item that is whole the model remembers the errors and gives nothing back
            if not (whole and _n_timesteps(earlier) >= whole):
                waiting[item.id] = item
            yield _copied(item), earlier

    def begin() -> Iterator[object]:
        if isinstance(model, ExtendableITMModel):
            return iter(model.continue_items(handed()))
        return iter(model.score_items(item for item, _ in handed()))

    answers = foreign.call(begin)
    while (answer := foreign.call(_next, answers, waiting, settings)) is not None:
        yield answer
    # a model may also end without having asked for all items
    unasked = (item for item, earlier in items if not (whole and _n_timesteps(earlier) >= whole))
    waiting.update((item.id, item) for item in unasked)
    if waiting:
        raise ModelOutputError(
            f"the model left out {len(waiting)} items, the first is {next(iter(waiting))}"
        )


def _n_timesteps(scores: Scores | None) -> int:
    return 0 if scores is None or scores.errors is None else scores.errors.shape[-1]


def _copied(item: Item) -> Item:
    """An item that a model can do anything to."""
    return Item(
        item.id, item.images, item.texts, item.query, item.gold,
        item.subtask, item.cluster, item.tags, item.ranks,
    )  # fmt: skip


def _score(model: ITMModel, item: Item, settings: ModelSettings) -> Scores:
    matrix = model.score([image.open() for image in item.images], list(item.texts))
    return check_scores(item, Scores(item.id, matrix), settings)


def _next(
    answers: Iterator[object], waiting: dict[str, Item], settings: ModelSettings
) -> tuple[Item, Scores] | None:
    scores = next(answers, _END)
    if scores is _END:
        return None
    if not isinstance(scores, Scores):
        raise ModelOutputError(f"the model gave {_kind(scores)}, expected gdbench.Scores")
    if not isinstance(scores.item_id, str) or scores.item_id not in waiting:
        raise ModelOutputError(
            f"the model scored {str(scores.item_id)[:80]!r}, which it was not asked, or has "
            "answered already"
        )
    item = waiting[scores.item_id]
    checked = check_scores(item, scores, settings)
    del waiting[scores.item_id]
    return item, checked


def check_scores(item: Item, scores: Scores, settings: ModelSettings = _PLAIN) -> Scores:
    """The scores as arrays of our own: float32 where that loses no order, else float64.

    Tensors on any device, lists and iterators of rows, and numpy's integers and floats of any
    width are taken. Errors have to be finite and at least 0, and NaN from some timestep on where
    the settings stop early.

    Raises:
        ModelOutputError: one line that names the item and what is wrong.
    """
    n_images, n_texts = len(item.images), len(item.texts)
    matrix = _matrix(item, scores.matrix, (n_images, n_texts))
    steps = settings.timesteps
    errors = base = None
    if scores.errors is None:
        if scores.unconditional_errors is not None:
            raise ModelOutputError(f"item {item.id}: unconditional_errors come without errors")
    else:
        if steps is None:
            raise ModelOutputError(
                f"item {item.id}: errors need settings.timesteps, there are none"
            )
        stops = settings.stops_early
        shape = (n_images, n_texts, len(steps))
        errors = _errors(item, "errors", scores.errors, shape, stops=stops)
        base = scores.unconditional_errors
        if base is not None:
            name = "unconditional_errors"
            base = _errors(item, name, base, (n_images, len(steps)), stops=stops)
    return Scores(item.id, matrix, errors, base, _count(item, scores.truncated_texts, n_texts))


def _matrix(item: Item, given: object, shape: tuple[int, int]) -> Matrix:
    # nearly all models give this, and it may be cheap for them
    if type(given) is np.ndarray and given.dtype is _SINGLE and given.shape == shape:
        # a model may write the next item's scores into the same array
        own: Matrix = given.copy()
        if _is_finite(own):
            return own
    raw = _numbers(item, "scores", given, shape)
    with np.errstate(all="ignore"):
        wide = raw.astype(np.float64) if raw.dtype != np.float32 else raw
    if not _is_finite(wide):
        raise ModelOutputError(f"item {item.id}: the model returned NaN or infinity")
    # whole numbers above 2^53, and long doubles
    beyond = raw.itemsize >= _DOUBLE.itemsize and raw.dtype != _DOUBLE
    if beyond and len(np.unique(raw)) != len(np.unique(wide)):
        raise ModelOutputError(
            f"item {item.id}: scores of type {raw.dtype} differ by less than float64 can tell"
        )
    kept: Matrix = narrowed(wide)
    return kept.copy() if kept is raw else kept


def _is_finite(numbers: Matrix) -> bool:
    if numbers.size <= _FEW:
        return all(map(math.isfinite, numbers.ravel().tolist()))
    return bool(np.isfinite(numbers).all())


def _errors(
    item: Item, name: str, given: object, shape: tuple[int, ...], *, stops: bool
) -> NDArray[np.float32]:
    with np.errstate(all="ignore"):
        errors = _numbers(item, name, given, shape).astype(np.float32)
    missing = np.isnan(errors)
    fault = None
    if np.isinf(errors).any() or (errors < 0).any():
        fault = "have a value that is no error (0 or more, finite)"
    elif missing.any() and not stops:
        fault = "have NaN, and settings.stop is none"
    elif missing[..., 0].any() or (missing[..., :-1] & ~missing[..., 1:]).any():
        fault = "have NaN before a number; a rule may stop, not leave out"
    if fault is not None:
        raise ModelOutputError(f"item {item.id}: {name} {fault}")
    return errors


def _count(item: Item, given: object, n_texts: int) -> int:
    if type(given) is int and 0 <= given <= n_texts:
        return given
    if isinstance(given, (int, np.integer)) and not isinstance(given, bool):
        count = int(given)
        if 0 <= count <= n_texts:
            return count
    raise ModelOutputError(
        f"item {item.id}: truncated_texts is {str(given)[:40]}, expected 0 to {n_texts}"
    )


def _numbers(item: Item, name: str, given: object, shape: tuple[int, ...]) -> NDArray[Any]:
    """An array of numbers of that shape."""
    try:
        raw = _array(given)
    except (ValueError, TypeError, NotImplementedError) as error:
        told = " ".join(str(error).split())[:120]
        raise ModelOutputError(
            f"item {item.id}: {name} are {_kind(given)}, not an array of shape {shape} ({told})"
        ) from error
    if raw.dtype.kind not in "fiu":
        raise ModelOutputError(
            f"item {item.id}: {name} are {_kind(given)} of type {raw.dtype}, expected real numbers"
        )
    if raw.shape != shape:
        raise ModelOutputError(
            f"item {item.id}: the model returned {name} of shape {raw.shape}, expected {shape} "
            f"({_AXES[name]})"
        )
    return raw


def _array(given: Any, depth: int = 0) -> NDArray[Any]:
    """The numpy view of a tensor, or of rows of them; raises ValueError or TypeError."""
    if isinstance(given, np.ndarray):
        if isinstance(given, np.ma.MaskedArray) and np.ma.is_masked(given):
            raise TypeError("some of it is masked")
        return np.asarray(given)
    if hasattr(given, "detach") and hasattr(given, "is_floating_point"):
        return _of_tensor(given)
    if hasattr(given, "__next__"):
        given = list(given)
    if isinstance(given, (list, tuple)) and depth < _DEEPEST:
        return np.asarray([row if isinstance(row, (int, float)) else _array(row, depth + 1)
                           for row in given])  # fmt: skip
    return np.asarray(given)


def _of_tensor(tensor: Any) -> NDArray[Any]:
    """A torch tensor of any device, layout and type; numpy lacks bfloat16 and the eighths."""
    dense = tensor.detach()
    if getattr(dense, "is_quantized", False):
        dense = dense.dequantize()
    if str(dense.layout) != "torch.strided":
        dense = dense.to_dense()
    if dense.is_floating_point() and dense.element_size() < np.dtype(np.float32).itemsize:
        dense = dense.float()
    numbers: NDArray[Any] = dense.cpu().resolve_conj().resolve_neg().numpy()
    return numbers


def _kind(given: object) -> str:
    kind = type(given)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"


class Counters:
    """What a model says that it has spent; None from the first value on that cannot be true.

    A count is a finite number that does not go down.
    """

    def __init__(self, model: object) -> None:
        self._model = model
        self._last: dict[str, float | None] = {"device_seconds": 0.0, "unet_evaluations": 0}

    def __call__(self) -> Clocks:
        """The values now."""
        for name, last in self._last.items():
            self._last[name] = None if last is None else _spent(self._model, name, last)
        passes = self._last["unet_evaluations"]
        return Clocks(self._last["device_seconds"], None if passes is None else int(passes))


def _spent(model: object, name: str, last: float) -> float | None:
    try:
        value = getattr(model, name, None)
        if isinstance(value, (bool, np.bool_)) or not isinstance(
            value, (int, float, np.integer, np.floating)
        ):
            return None
        number = float(value)
    except Exception:  # noqa: BLE001 # a stranger's property can raise anything; it is unknown then
        return None
    return number if math.isfinite(number) and number >= last else None
