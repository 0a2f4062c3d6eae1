"""The one room where scores follow from errors: right values, and everybody's road to it."""

from itertools import product

import numpy as np
import pytest

from gdbench.metrics.denoising import is_weighted, matrix_of, score_matrix, terms
from gdbench.metrics.matching import recall_credits
from gdbench.metrics.measures import by_rule, tie_rule
from gdbench.metrics.montecarlo import replicate_scores
from gdbench.protocol import Scores
from gdbench.records import ModelSettings

ERRORS = np.array([[[3.0, 5.0]], [[1.0, 2.0]]], np.float32)  # two pictures, one text
BASE = np.array([[1.0, 2.0], [0.0, 3.0]], np.float32)


@pytest.mark.parametrize(
    ("norm", "normalise", "expected"),
    [
        ("l2", False, [-4.0, -1.5]),
        ("l2", True, [-2.5, 0.0]),
        ("mse", False, [-17 / 4, -2.5 / 4]),
        ("mse", True, [-(8 + 21) / 2 / 4, -(1 - 5) / 2 / 4]),
    ],
)
def test_scores_by_hand(norm, normalise, expected):
    settings = ModelSettings(norm=norm, normalise=normalise, latent_shape=(1, 2, 2))
    assert matrix_of(ERRORS, BASE, settings)[:, 0] == pytest.approx(expected)


def test_a_budget_uses_the_first_timesteps():
    settings = ModelSettings(norm="l2", normalise=True)
    assert matrix_of(ERRORS, BASE, settings, samples=1)[:, 0] == pytest.approx([-2.0, -1.0])


@pytest.mark.parametrize(("norm", "normalise"), product(("l2", "mse"), (True, False)))
def test_a_replicate_of_all_timesteps_is_the_score(norm, normalise):
    settings = ModelSettings(norm=norm, normalise=normalise)
    item = Scores("a", matrix_of(ERRORS, BASE, settings), ERRORS, BASE, 0)
    (again,) = replicate_scores(item, np.ones((1, 2), np.float32), settings)
    assert again.tobytes() == item.matrix.tobytes()


def test_terms_do_not_ask_for_more_timesteps_than_there_are():
    assert terms(ERRORS[..., :1], BASE).tolist() == [[[2.0]], [[1.0]]]


@pytest.mark.parametrize("weighting", [None, "none", "uniform"])
def test_uniform_weights_are_no_weights(weighting):
    settings = ModelSettings(norm="l2", normalise=True, weighting=weighting)
    assert not is_weighted(settings)
    plain = score_matrix(ERRORS, BASE)
    assert matrix_of(ERRORS, BASE, settings).tobytes() == plain.tobytes()


def test_weights_that_are_not_recorded_are_an_error():
    settings = ModelSettings(norm="l2", normalise=True, weighting="snr")
    with pytest.raises(ValueError, match="weights of 'snr' are not recorded"):
        matrix_of(ERRORS, BASE, settings)


def test_the_tie_rule_of_a_mode():
    assert tie_rule(None) == "expected"
    assert tie_rule("diffusion-itm-2023") == "release-2023"
    first, last = (recall_credits(np.ones(4), np.array(gold)) for gold in (0, 3))
    assert by_rule(first, "expected") == by_rule(last, "expected") == 0.25
    # The release takes the first of equal scores.
    assert (by_rule(first, "release-2023"), by_rule(last, "release-2023")) == (1.0, 0.0)
    assert (by_rule(last, "strict"), by_rule(last, "lenient")) == (0.0, 1.0)
