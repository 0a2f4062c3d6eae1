"""Properties that every summary must have, and the coverage of its intervals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gdbench.metrics.measures import EffectSize, PairMatching, Recall, sample
from gdbench.metrics.summary import summarise, task_score
from gdbench.protocol import Label, Query
from gdbench.records import MetricValue

MEASURES = (
    Recall("r1", ("t", "i")),
    Recall("r5", ("t", "i"), k=5),
    Recall("macro", ("t", "i"), by="subtask"),
    PairMatching("text", "text"),
    PairMatching("image", "image"),
    PairMatching("group", "group"),
    EffectSize("x_y", "x", "y", "t"),
)


def make_board(values, seed):
    """Eight text and eight image retrieval items, eight pairs, sixteen association items."""
    rng = np.random.default_rng(seed)
    draw = lambda *shape: rng.choice(values, size=shape).astype(np.float32)  # noqa: E731 # short
    labels, matrices = [], []
    for i in range(8):
        gold = (int(rng.integers(0, 10)),)
        labels.append(Label(f"t{i}", Query.TEXT_RETRIEVAL, gold, 1, 10, "t", f"c{i // 2}"))
        matrices.append(draw(1, 10))
        labels.append(Label(f"i{i}", Query.IMAGE_RETRIEVAL, gold, 10, 1, "i", f"d{i}"))
        matrices.append(draw(10, 1))
        labels.append(Label(f"p{i}", Query.MATCHING, (0, 1), 2, 2, "pair", f"p{i}"))
        matrices.append(draw(2, 2))
        for group in "xy":
            labels.append(
                Label(f"{group}{i}", Query.ASSOCIATION, (0, 1), 1, 4, group, f"{group}{i}")
            )
            matrices.append(draw(1, 4))
    return labels, matrices


boards = st.builds(
    make_board,
    hnp.arrays(np.float32, 6, elements=st.integers(-8, 8).map(lambda v: v / 4)),
    st.integers(0, 2**16),
)


def numbers(metrics):
    return {m.name: m for m in metrics}


@settings(max_examples=25)
@given(boards, st.randoms(use_true_random=False))
def test_the_order_of_items_never_matters(board, random):
    labels, matrices = board
    order = list(range(len(labels)))
    random.shuffle(order)
    before = numbers(summarise(MEASURES, labels, matrices))
    after = numbers(summarise(MEASURES, [labels[i] for i in order], [matrices[i] for i in order]))
    for name, m in before.items():
        assert after[name].value == pytest.approx(m.value)
        assert (after[name].n, after[name].ties) == (m.n, m.ties)
        if name not in ("x_y", "mean_abs_effect", "mean_abs_t"):  # pictures are drawn in order
            assert after[name].low == pytest.approx(m.low)
            assert after[name].high == pytest.approx(m.high)


@settings(max_examples=25)
@given(boards, st.integers(0, 1000))
def test_the_order_of_candidates_never_matters(board, seed):
    rng = np.random.default_rng(seed)
    labels, matrices = [], []
    for label, matrix in zip(*board, strict=True):
        axis = {Query.TEXT_RETRIEVAL: 1, Query.IMAGE_RETRIEVAL: 0, Query.ASSOCIATION: 1}.get(
            label.query
        )
        if axis is None:
            labels.append(label)
            matrices.append(matrix)
            continue
        order = rng.permutation(matrix.shape[axis])
        gold = tuple(int(np.flatnonzero(order == g)[0]) for g in label.gold)
        labels.append(
            Label(
                label.id,
                label.query,
                gold,
                label.n_images,
                label.n_texts,
                label.subtask,
                label.cluster,
            )
        )
        matrices.append(np.take(matrix, order, axis=axis))
    before, after = (
        numbers(summarise(MEASURES, *board)),
        numbers(summarise(MEASURES, labels, matrices)),
    )
    for name, m in before.items():
        assert after[name].value == pytest.approx(m.value, abs=1e-9)
        assert after[name].ties == m.ties


@settings(max_examples=25)
@given(boards, st.integers(0, 1000))
def test_a_constant_per_image_never_changes_text_retrieval(board, seed):
    rng = np.random.default_rng(seed)
    labels, matrices = board
    moved = [m + rng.integers(-5, 5, size=(len(m), 1)).astype(np.float32) for m in matrices]
    before, after = (
        numbers(summarise(MEASURES, labels, matrices)),
        numbers(summarise(MEASURES, labels, moved)),
    )
    assert after["text"] == before["text"]
    only = [i for i, label in enumerate(labels) if label.query is Query.TEXT_RETRIEVAL]
    texts = [labels[i] for i in only]
    r1 = [Recall("r1", ("t",)), Recall("r5", ("t",), k=5)]
    assert summarise(r1, texts, [moved[i] for i in only]) == summarise(
        r1, texts, [matrices[i] for i in only]
    )
    assert after["x_y"].value == pytest.approx(before["x_y"].value, abs=1e-9)


def test_a_constant_model_is_at_chance():
    labels, matrices = make_board([0.1], 0)
    for metric in summarise(MEASURES, labels, matrices):
        assert metric.value == pytest.approx(metric.chance, abs=1e-12)


def test_duplicated_items_widen_nothing_and_narrow_nothing():
    labels, matrices = make_board([0, 1, 2], 3)
    keep = [i for i, label in enumerate(labels) if label.query is not Query.ASSOCIATION]
    once = [labels[i] for i in keep]
    again = [
        Label(f"{c.id}'", c.query, c.gold, c.n_images, c.n_texts, c.subtask, c.cluster)
        for c in once
    ]
    m = [matrices[i] for i in keep]
    accuracies = MEASURES[:-1]
    for a, b in zip(
        summarise(accuracies, once, m), summarise(accuracies, once + again, m + m), strict=True
    ):
        assert (b.value, b.low, b.high) == pytest.approx((a.value, a.low, a.high))
        assert b.n == 2 * a.n


def test_tie_rules():
    labels, matrices = make_board([0, 1], 5)
    found = {
        rule: numbers(summarise(MEASURES, labels, matrices, ties=rule))
        for rule in ("expected", "strict", "lenient")
    }
    for name, m in found["expected"].items():
        if m.strict is not None:
            assert found["strict"][name].value == m.strict
            assert found["lenient"][name].value == m.lenient
            assert m.strict <= m.value <= m.lenient
    compat = numbers(summarise(MEASURES, labels, matrices, compat="diffusion-itm-2023"))
    release = numbers(summarise(MEASURES, labels, matrices, ties="release-2023"))
    assert compat["r1"].value == release["r1"].value
    assert release["text"].value == release["text"].strict


def test_measures_without_items_are_left_out():
    labels, matrices = make_board([0, 1], 5)
    assert (
        summarise([Recall("none", ("other",)), EffectSize("a_b", "a", "b")], labels, matrices) == ()
    )


def test_the_flipped_measure_takes_the_other_candidate():
    labels = [Label("a", Query.TEXT_RETRIEVAL, (0,), 1, 2, "s", "a")]
    plain = sample(Recall("x", ("s",)), labels, [np.array([[0.0, 1.0]])])
    flipped = sample(Recall("x", ("s",), flipped=True), labels, [np.array([[0.0, 1.0]])])
    assert (plain.expected[0], flipped.expected[0]) == (0.0, 1.0)


def test_the_score_is_the_mean_of_the_primary_metrics():
    metrics = [MetricValue(name="a", value=0.2, n=1), MetricValue(name="b", value=0.6, n=1)]
    assert task_score(("a", "b"), metrics) == pytest.approx(0.4)
    assert task_score(("a", "c"), metrics) is None
    assert task_score((), metrics) is None
