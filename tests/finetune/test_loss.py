"""The loss against its definition, and its gradient against finite differences."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gdbench.finetune.loss import hard_negative_loss

ERRORS = st.lists(st.tuples(st.floats(0, 4), st.floats(0, 4)), min_size=1, max_size=6)


@given(ERRORS, st.floats(0, 2))
def test_per_example_definition(pairs, bound):
    positive, negative = (
        torch.tensor(side, dtype=torch.float64) for side in zip(*pairs, strict=True)
    )
    expected = sum(p + min(max(-n, -bound * p), bound * p) for p, n in pairs) / len(pairs)
    found = hard_negative_loss(positive, negative, bound=bound)
    assert math.isclose(float(found.value), expected, rel_tol=1e-12, abs_tol=1e-12)
    share = sum(n > bound * p for p, n in pairs) / len(pairs)
    assert math.isclose(float(found.clipped), share, rel_tol=1e-6)


@given(ERRORS)
def test_batch_mean_clamp_of_the_release(pairs):
    positive, negative = (
        torch.tensor(side, dtype=torch.float64) for side in zip(*pairs, strict=True)
    )
    expected = positive.mean() - torch.clamp(negative.mean(), max=float(positive.mean()))
    found = hard_negative_loss(positive, negative, clip="batch")
    assert math.isclose(float(found.value), float(expected), rel_tol=1e-12, abs_tol=1e-12)


def test_without_negatives():
    positive = torch.tensor([1.0, 3.0])
    assert hard_negative_loss(positive, None).value == 2.0


def model(weight):
    """L_pos and L_neg of one example that both depend on one weight."""
    return (weight**2 + 1.0)[None], (3.0 * weight + 1.0)[None]


def gradient(weight, loss):
    w = torch.tensor(weight, dtype=torch.float64, requires_grad=True)
    loss(*model(w)).backward()
    return float(w.grad)


def value_with_bound_held(weight, at):
    """The loss as a function of the weight, with the bound's L_pos held where it is at `at`."""
    p, n = (float(x) for x in model(torch.tensor(weight, dtype=torch.float64)))
    limit = float(model(torch.tensor(at, dtype=torch.float64))[0])
    return p + min(max(-n, -limit), limit)


@pytest.mark.parametrize("weight", [0.5, 2.0, 4.5])  # clipped, clipped, not clipped
def test_gradient_is_that_of_a_constant_bound(weight):
    step = 1e-6
    finite = (
        value_with_bound_held(weight + step, weight) - value_with_bound_held(weight - step, weight)
    ) / (2 * step)
    found = gradient(weight, lambda p, n: hard_negative_loss(p, n).value)
    assert math.isclose(found, finite, rel_tol=1e-6)


def test_a_clipped_negative_leaves_the_gradient_of_the_positive():
    weight = 0.5  # L_pos = 1.25, L_neg = 2.5
    found = gradient(weight, lambda p, n: hard_negative_loss(p, n).value)
    assert found == gradient(weight, lambda p, _: p.mean()) == 1.0


def test_a_bound_with_a_gradient_would_teach_nothing():
    """Why the bound is detached: without that the gradient of a clipped pair vanishes."""
    naive = gradient(0.5, lambda p, n: (p + torch.maximum(torch.minimum(-n, p), -p)).mean())
    assert naive == 0.0


def test_an_unclipped_negative_is_pushed_away():
    positive = torch.tensor([2.0], requires_grad=True)
    negative = torch.tensor([1.0], requires_grad=True)
    hard_negative_loss(positive, negative).value.backward()
    assert float(positive.grad) == 1.0
    assert float(negative.grad) == -1.0


def test_examples_are_bounded_one_by_one():
    positive = torch.tensor([1.0, 1.0], requires_grad=True)
    negative = torch.tensor([9.0, 0.5], requires_grad=True)
    hard_negative_loss(positive, negative).value.backward()
    assert negative.grad.tolist() == [0.0, -0.5]  # the first is clipped, the second is not
    negative.grad = None
    hard_negative_loss(positive, negative, clip="batch").value.backward()
    assert negative.grad.tolist() == [0.0, 0.0]  # one easy negative silences the whole batch
