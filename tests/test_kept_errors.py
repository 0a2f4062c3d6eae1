"""The errors in `benchmarks/errors`: packed without loss that matters, and those of the engine."""

import numpy as np
import pytest

from benchmarks.budget import Method
from benchmarks.full_errors import SAMPLES, Known, items_of
from benchmarks.kept_errors import NOT_RUN, load, pack, unpack, whole
from benchmarks.replay import Seen, passes, prefix, staged, stopped
from gdbench.models import load_model
from gdbench.models.diffusion_itm.predictive import PredictiveRace
from gdbench.protocol import Query


def known(name, rng, n_images=1, n_texts=3, spared=()):
    errors = 30 + rng.normal(size=(1, 1, SAMPLES)) + rng.normal(size=(n_images, n_texts, SAMPLES))
    base = None if n_images == 1 else 31 + rng.normal(size=(n_images, SAMPLES))
    errors.reshape(-1, SAMPLES)[list(spared), 40:] = np.nan
    if base is not None:
        base[list(spared), 40:] = np.nan
    query = Query.TEXT_RETRIEVAL if n_images == 1 else Query.IMAGE_RETRIEVAL
    return Known(name, query, errors, base, tuple(f"{name}-{k}" for k in range(n_images)))


def test_packed_errors_come_back():
    rng = np.random.default_rng(0)
    items = [known("t", rng), known("i", rng, 4, 1, spared=(1, 3)), known("u", rng, n_texts=5)]
    again = {"i": known("i", rng, 4, 1)}
    kept = unpack(pack(items, again, {"t": 2, "i": 0, "u": 4}))
    assert kept.gold.tolist() == [2, 0, 4]
    assert kept.other_seed.tolist() == [NOT_RUN, whole(again["i"]), NOT_RUN]
    for one, other in zip(items, kept.items, strict=True):
        assert (one.id, one.query, one.images) == (other.id, other.query, other.images)
        # half precision of what is above or below the mean, which is a few units
        np.testing.assert_allclose(one.errors, other.errors, atol=2e-3)
        if one.base is None:
            assert other.base is None
        else:
            np.testing.assert_allclose(one.base, other.base, atol=2e-3)


def test_passes_count_a_pictures_unconditional_ones_once():
    rng = np.random.default_rng(1)
    one, other = known("a", rng, 2, 1), known("b", rng, 2, 1)
    other = other._replace(images=(one.images[0], "other"))
    seen = [prefix(10)(one), prefix(25)(other)]
    assert passes([one, other], seen) == 2 * 10 + 2 * 25 + (25 + 10 + 25)


def test_two_stages_take_the_full_budget_for_the_best():
    item = known("a", np.random.default_rng(2), n_texts=8)
    lengths = staged(25, 5)(item).conditional.sum(axis=-1).ravel()
    assert sorted(lengths) == [25] * 3 + [SAMPLES] * 5
    order = item.errors[0, :, :25].mean(axis=-1).argsort()
    assert (lengths[order[:5]] == SAMPLES).all()


def test_a_promise_by_share_is_that_of_the_last_departure():
    lengths = np.array([[20, SAMPLES, 50]])
    mask = np.arange(SAMPLES) < lengths[..., None]
    seen = Seen(mask, mask[:, 0])
    full = Seen(np.ones_like(mask), mask[:, 0])
    method = Method("predictive 0.5", prefix(1), "predictive", 0.5)
    assert method.promise([seen, full]) == pytest.approx(1 - 0.5 * (50 / SAMPLES + 0) / 2)
    assert Method("sequential 0.05", prefix(1), "sequential", 0.05).promise([seen]) == 0.95
    assert Method("first 8", prefix(8)).promise([seen]) is None


def test_the_replay_stops_where_the_engine_does():
    """Image and text retrieval among the items that were kept, run again with the rule."""
    kept = load("mini-sd", "10-way")
    assert kept is not None
    chosen = {}
    for item in kept.items:
        chosen.setdefault(item.query, item)
    items = {item.id: item for item in items_of("10-way")}
    model = load_model("mini-sd", samples=SAMPLES, stop="predictive", stop_ranks=(1,))
    rule = stopped(PredictiveRace, 0.2)
    for item, scores in zip(
        chosen.values(), model.score_items([items[i.id] for i in chosen.values()]), strict=True
    ):
        seen = ~np.isnan(scores.errors)
        np.testing.assert_array_equal(seen, rule(item).conditional)
        np.testing.assert_allclose(scores.errors[seen], item.errors[seen], rtol=2e-4)
