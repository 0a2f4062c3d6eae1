import os
import signal
import sys
import threading
import time
from contextlib import suppress
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from gdbench.errors import ModelOutputError
from gdbench.foreign import preserved
from gdbench.precision import narrowed
from gdbench.protocol import Item, ModelCard, Query, Scores
from gdbench.records import ModelSettings
from gdbench.scoring import Counters, check_scores, score_stream
from gdbench.store import Clocks

ITEM = Item("a", (None, None), ("x", "y", "z"), Query.MATCHING, (0, 1), "s")
ROWS = [[0.0, 0.25, 0.5], [1.0, -2.0, 3.0]]
STEPS = ModelSettings(samples=4, timesteps=(900, 100, 500, 300))
STOPPING = STEPS.model_copy(update={"stop": "sequential"})


@pytest.mark.parametrize(
    "matrix",
    [
        ROWS,
        np.array(ROWS),
        np.array(ROWS, np.float16),
        np.array(ROWS, np.longdouble),
        np.array(ROWS).astype(">f4"),
        np.asfortranarray(ROWS),
        torch.tensor(ROWS),
        torch.tensor(ROWS, dtype=torch.float64, requires_grad=True),
        torch.tensor(ROWS, dtype=torch.bfloat16, requires_grad=True),
        torch.tensor(ROWS, dtype=torch.float8_e4m3fn),
        torch.tensor(ROWS).to_sparse(),
        torch._neg_view(-torch.tensor(ROWS)),
        [torch.tensor(row, requires_grad=True) for row in ROWS],
        [[torch.tensor(x, requires_grad=True) for x in row] for row in ROWS],
        (list(row) for row in ROWS),
        map(np.array, ROWS),
        np.ma.masked_invalid(ROWS),
    ],
)
def test_numbers_of_any_make_are_taken(matrix):
    found = check_scores(ITEM, Scores("a", matrix)).matrix
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, ROWS)


@pytest.mark.parametrize("dtype", ["int8", "uint16", "int64", torch.int32, torch.uint8])
def test_whole_numbers_are_taken(dtype):
    rows = [[1, 2, 3], [4, 5, 6]]
    given = np.array(rows, dtype) if isinstance(dtype, str) else torch.tensor(rows, dtype=dtype)
    np.testing.assert_array_equal(check_scores(ITEM, Scores("a", given)).matrix, rows)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_tensor_on_a_gpu_is_taken():
    given = torch.tensor(ROWS, device="cuda", requires_grad=True)
    np.testing.assert_array_equal(check_scores(ITEM, Scores("a", given)).matrix, ROWS)
    np.testing.assert_array_equal(check_scores(ITEM, Scores("a", list(given))).matrix, ROWS)


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (np.zeros((3, 2)), r"scores of shape \(3, 2\), expected \(2, 3\) \(images, texts\)"),
        (np.zeros(6), "shape"),
        (0.5, "shape"),
        (np.zeros((2, 3, 1)), "shape"),
        (np.full((2, 3), np.nan), "NaN or infinity"),
        (np.full((2, 3), -np.inf), "NaN or infinity"),
        (np.full((2, 3), np.longdouble("1e400")), "NaN or infinity"),
        (np.full((2, 3), "x"), "expected real numbers"),
        (np.zeros((2, 3), bool), "type bool, expected real numbers"),
        (np.zeros((2, 3), complex), "type complex128, expected real numbers"),
        (torch.zeros(2, 3, dtype=torch.bool), "type bool"),
        (torch.zeros(2, 3, dtype=torch.complex64), "type complex64"),
        (torch.zeros(2, 3, device="meta"), "not an array|meta"),
        (np.full((2, 3), None), "type object"),
        ([[Decimal(1)] * 3] * 2, "type object"),
        ([[Fraction(1, 3)] * 3] * 2, "type object"),
        ([[1, 2], [3]], "not an array of shape"),
        (None, "NoneType"),
        ({"a": 1}, "dict"),
        (np.ma.masked_equal(np.zeros((2, 3)), 0), "masked"),
        (np.array([[2**60, 2**60 + 1, 0]] * 2), "differ by less than float64 can tell"),
    ],
)
def test_what_are_no_scores_is_named(matrix, message):
    with pytest.raises(ModelOutputError, match=message) as raised:
        check_scores(ITEM, Scores("a", matrix))
    assert "\n" not in str(raised.value)
    assert str(raised.value).startswith("item a: ")


def errors_of(change, shape=(2, 3, 4)):
    errors = np.linspace(1, 2, int(np.prod(shape)), dtype=np.float64).reshape(shape)
    change(errors)
    return errors


def put(place, value):
    return lambda errors: errors.__setitem__(place, value)


@pytest.mark.parametrize(
    ("errors", "settings", "message"),
    [
        (errors_of(put((0, 0, 3), np.nan)), STEPS, "settings.stop is none"),
        (errors_of(put((0, 0, 1), np.nan)), STOPPING, "NaN before a number"),
        (errors_of(put((1, 2, 0), np.nan)), STOPPING, "NaN before a number"),
        (errors_of(put(..., np.nan)), STOPPING, "NaN before a number"),
        (errors_of(put((0, 1, 2), np.inf)), STOPPING, "no error"),
        (errors_of(put((0, 1, 2), 1e300)), STEPS, "no error"),
        (errors_of(put((0, 1, 2), -0.5)), STEPS, "no error"),
        (errors_of(put((), 1), (2, 3, 5)), STEPS, r"expected \(2, 3, 4\)"),
        (errors_of(put((), 1), (2, 4)), STEPS, r"errors of shape \(2, 4\)"),
        (np.zeros((2, 3, 4), bool), STEPS, "expected real numbers"),
        (errors_of(put((), 1)), ModelSettings(), "errors need settings.timesteps"),
    ],
)
def test_what_are_no_errors_is_named(errors, settings, message):
    with pytest.raises(ModelOutputError, match=message):
        check_scores(ITEM, Scores("a", ROWS, errors), settings)


@pytest.mark.parametrize("n_texts", [3, 40])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_no_other_number_hides_one_that_is_none(n_texts, value):
    item = Item("a", (None,), ("t",) * n_texts, Query.TEXT_RETRIEVAL, (0,), "s")
    matrix = np.full((1, n_texts), 3e38, dtype=np.float32)
    assert check_scores(item, Scores("a", matrix)).matrix.tolist() == matrix.tolist()
    matrix[0, -1] = value
    with pytest.raises(ModelOutputError, match="item a: the model returned NaN or infinity"):
        check_scores(item, Scores("a", matrix))


@pytest.mark.parametrize(
    ("base", "message"),
    [
        (np.ones((2, 3)), r"unconditional_errors of shape \(2, 3\), expected \(2, 4\)"),
        (np.full((2, 4), -1.0), "unconditional_errors have a value"),
        ("no", "unconditional_errors are str"),
    ],
)
def test_what_are_no_unconditional_errors_is_named(base, message):
    with pytest.raises(ModelOutputError, match=message):
        check_scores(ITEM, Scores("a", ROWS, np.ones((2, 3, 4)), base), STEPS)


def test_unconditional_errors_alone_are_refused():
    with pytest.raises(ModelOutputError, match="come without errors"):
        check_scores(ITEM, Scores("a", ROWS, None, np.ones((2, 4))), STEPS)


def test_errors_that_stop_early_are_taken():
    errors = errors_of(put((1, 0, slice(2, None)), np.nan))
    found = check_scores(ITEM, Scores("a", ROWS, torch.tensor(errors), np.ones((2, 4))), STOPPING)
    np.testing.assert_array_equal(found.errors, errors.astype(np.float32))
    assert found.errors.dtype == found.unconditional_errors.dtype == np.float32


@pytest.mark.parametrize("count", [-1, 4, 1.0, True, None, "2", np.nan])
def test_a_wrong_count_of_cut_texts_is_named(count):
    with pytest.raises(ModelOutputError, match=r"truncated_texts is .*, expected 0 to 3"):
        check_scores(ITEM, Scores("a", ROWS, truncated_texts=count))
    assert check_scores(ITEM, Scores("a", ROWS, truncated_texts=np.int64(3))).truncated_texts == 3


def test_arrays_are_our_own():
    buffer, errors = np.array(ROWS, np.float32), np.ones((2, 3, 4), np.float32)
    found = check_scores(ITEM, Scores("a", buffer, errors), STEPS)
    buffer[:], errors[:] = 9, 9
    np.testing.assert_array_equal(found.matrix, ROWS)
    assert (found.errors == 1).all()


@pytest.mark.parametrize(
    ("scores", "wide"),
    [
        ([0.1, 0.2, 0.3], False),
        ([0.5, 0.5, 0.25], False),
        ([1e-60, 2e-60, 2e-60], True),
        ([1e-40, 1.0, 2.0], True),
        ([1e39, 1.0, 2.0], True),
        ([1.0, 1.0 + 1e-9, 2.0], True),
        ([-0.0, 0.0, 1.0], False),
        ([2**24, 2**24 + 1, 0], True),
    ],
)
def test_float64_is_kept_where_float32_would_lose_the_order(scores, wide):
    given = np.array(scores, np.float64)
    found = narrowed(given)
    assert found.dtype == (np.float64 if wide else np.float32)
    order = np.sign(given[:, None] - given[None])
    np.testing.assert_array_equal(np.sign(found[:, None] - found[None]), order)
    # from a file whose column is wide
    np.testing.assert_array_equal(narrowed(found.astype(np.float64)), found)
    assert narrowed(found.astype(np.float64)).dtype == found.dtype


class Model:
    card = ModelCard(name="m")

    def __init__(self, score_items=None):
        if score_items is not None:
            self.score_items = score_items

    def score(self, images, texts):
        raise NotImplementedError


class Blank:
    sha256 = "0"

    def open(self):
        return None


ITEMS = [Item(f"i{k}", (Blank(),), ("x", "y"), Query.TEXT_RETRIEVAL, (0,), "s") for k in range(4)]


def answers(items):
    for item in items:
        yield Scores(item.id, np.zeros((1, 2)))


def test_order_and_repetitions_are_seen():
    def twice(items):
        for scores in answers(items):
            yield scores
            yield scores

    with pytest.raises(ModelOutputError, match="scored 'i0', which it was not asked, or has answ"):
        list(score_stream(Model(twice), ITEMS))


@pytest.mark.parametrize("answer", [None, (1, 2), {}, "i0", np.zeros((1, 2))])
def test_an_answer_of_another_type_is_named(answer):
    with pytest.raises(ModelOutputError, match=r"the model gave .*, expected gdbench.Scores"):
        list(score_stream(Model(lambda items: iter([answer])), ITEMS))


@pytest.mark.parametrize("answer", [None, 3])
def test_no_iterator_is_one_line(answer):
    with pytest.raises(ModelOutputError, match="is not iterable"):
        list(score_stream(Model(lambda items: answer), ITEMS))


@pytest.mark.parametrize(
    "fault",
    [
        SystemExit(0), GeneratorExit(), MemoryError(), RecursionError("deep"), StopIteration(),
        UserWarning("as an error"), AssertionError(), torch.OutOfMemoryError("CUDA out of memory"),
    ],
    ids=lambda fault: type(fault).__name__,
)  # fmt: skip
@pytest.mark.parametrize("at_once", [True, False])
def test_whatever_a_model_raises_is_one_line(fault, at_once):
    def score(images, texts):
        raise fault

    def score_items(items):
        next(items)
        raise fault
        yield

    model = Model(score_items if at_once else None)
    model.score = score
    with pytest.raises(ModelOutputError, match=type(fault).__name__) as raised:
        list(score_stream(model, ITEMS))
    assert "\n" not in str(raised.value)
    memory = isinstance(fault, (MemoryError, torch.OutOfMemoryError))
    assert ("ran out of memory" in str(raised.value)) == memory


def test_an_interrupt_passes_whoever_raised_it():
    def score_items(items):
        next(items)
        raise KeyboardInterrupt
        yield

    with pytest.raises(KeyboardInterrupt):
        list(score_stream(Model(score_items), ITEMS))


def test_an_item_is_the_models_to_break():
    def score_items(items):
        for item in items:
            scores = Scores(item.id, np.zeros((1, 2)))
            object.__setattr__(item, "gold", (1,))
            object.__setattr__(item, "id", "other")
            yield scores

    found = [item for item, _ in score_stream(Model(score_items), ITEMS)]
    assert found == ITEMS
    assert all(item.gold == (0,) for item in found)


def test_a_model_that_waits_too_long_is_interrupted_and_named():
    def score_items(items):
        yield next(answers(items))
        next(items)
        while True:
            with suppress(Exception):
                time.sleep(60)

    before = signal.getsignal(signal.SIGALRM)
    # that this ends at all is the point
    with pytest.raises(ModelOutputError, match=r"item i1: model m gave no answer in 1 second"):
        list(score_stream(Model(score_items), ITEMS, item_timeout=1.0))
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_a_slow_consumer_is_no_slow_model():
    for _ in score_stream(Model(answers), ITEMS, item_timeout=0.5):
        time.sleep(0.6)


def test_counts_that_cannot_be_true_are_unknown():
    class Liar:
        device_seconds = 1.0
        unet_evaluations = 10

    model = Liar()
    counters = Counters(model)
    assert counters() == Clocks(1.0, 10)
    model.unet_evaluations = 9
    assert counters() == Clocks(1.0, None)
    model.unet_evaluations = 20
    assert counters() == Clocks(1.0, None)
    for value in ("many", float("nan"), float("inf"), True, -1, None, [1]):
        model.device_seconds = value
        assert Counters(model)() == Clocks(None, 20)

    class Raising:
        @property
        def unet_evaluations(self):
            raise ValueError

    assert Counters(Raising())() == Clocks(None, None)


def test_what_a_block_changes_of_the_process_is_put_back(tmp_path):
    folder, filters, treated = Path.cwd(), list(sys.modules["warnings"].filters), np.geterr()
    with preserved():
        os.chdir(tmp_path)
        np.seterr(all="raise")
        sys.modules["warnings"].simplefilter("error")
        torch.set_default_dtype(torch.float64)
        torch.set_grad_enabled(False)
    assert Path.cwd() == folder
    assert np.geterr() == treated
    assert sys.modules["warnings"].filters == filters
    assert torch.get_default_dtype() == torch.float32
    assert torch.is_grad_enabled()


def test_a_thread_that_dies_is_one_line(capsys):
    def score_items(items):
        thread = threading.Thread(target=lambda: 1 / 0)
        thread.start()
        thread.join()
        yield from answers(items)

    before = threading.excepthook
    assert len(list(score_stream(Model(score_items), ITEMS))) == 4
    assert threading.excepthook is before
    err = capsys.readouterr().err
    assert "a thread of model m ended with ZeroDivisionError" in err
    assert err.count("\n") == 1
