"""Pictures and captions that are candidates in many lists: do they make intervals too narrow?

    python -m benchmarks.shared_pictures [--submissions submissions] [--task flickr30k]
    python -m benchmarks.shared_pictures --simulate [--boards 20000]

Lists that have a picture (or caption) in common are not independent: a picture that attracts many
captions spoils all lists that it stands in. For each landed model: the standard error of the
primary metrics with clusters of gold pictures alone, as in the records, and with every two items
that share a candidate taken as dependent (the variance for dyadic data of Aronow, Samii and
Assenova 2015, to which each pair of items with something in common adds its product).

`--simulate`: the lists of Flickr30K (mini), scores with a part that is the candidate's own in all
its lists, new candidates for every board. Printed: the accuracy, its true standard deviation over
boards by the stated one, and the coverage of the interval; before it, how large that part is in the
scores of landed models (one-way analysis of variance over wrong candidates, less each list's mean).
"""

from __future__ import annotations

import argparse
import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.coverage import sample_of
from benchmarks.simulation import Array
from gdbench.metrics.intervals import share_interval
from gdbench.metrics.measures import EffectSize, sample
from gdbench.metrics.spread import spread
from gdbench.protocol import Query
from gdbench.submissions.scores import read_scores
from gdbench.tasks import TASKS


@dataclass(frozen=True)
class Lists:
    """Which candidates each item chooses among."""

    query: Query
    ids: list[str]
    candidates: Array
    """(n_items, n_candidates): numbers of candidates, the same in all lists."""
    gold: Array
    """(n_items,): position of the right one."""

    @classmethod
    def of_flickr(cls, query: Query) -> Lists:
        """Those of Flickr30K (mini)."""
        items = [i for i in TASKS.get("flickr30k").items("mini") if i.query is query]
        number: dict[str, int] = {}
        names = [
            list(i.texts) if query is Query.TEXT_RETRIEVAL else [p.sha256 for p in i.images]
            for i in items
        ]
        candidates = [[number.setdefault(name, len(number)) for name in row] for row in names]
        return cls(
            query, [i.id for i in items], np.array(candidates), np.array([i.gold[0] for i in items])
        )


def own_parts(lists: Lists, submissions: Path) -> None:
    """Print the share of a candidate's own part in the variance of landed scores."""
    wrong = np.arange(lists.candidates.shape[1]) != lists.gold[:, None]
    group = lists.candidates[wrong]
    count = np.bincount(group)
    for folder in sorted(submissions.glob("*/*/flickr30k")):
        matrix = {s.item_id: s.matrix for s in read_scores(folder / "scores.parquet").scores}
        scores = np.array([matrix[i].ravel() for i in lists.ids], dtype=np.float64)
        value = (scores - scores.mean(axis=1, keepdims=True))[wrong]
        mean = np.bincount(group, value) / np.maximum(count, 1)
        n_groups = int((count > 0).sum())
        within = float(((value - mean[group]) ** 2).sum()) / (len(value) - n_groups)
        between = float((count * (mean - value.mean()) ** 2).sum()) / (n_groups - 1)
        size = (count.sum() - (count**2).sum() / count.sum()) / (n_groups - 1)
        own = max((between - within) / size, 0.0)
        share = own / (own + within) if own > 0 else 0.0
        print(f"  {lists.query.value:<16}{folder.parts[-3]:<22}own part {share:.2f}")


def simulate(lists: Lists, boards: int) -> None:
    """Print true over stated error, and coverage, for several sizes of that part."""
    n, step = len(lists.ids), 1000
    counts = [sample_of((np.arange(n) < k).astype(float)) for k in range(n + 1)]
    ends = [share_interval(s, s.expected) for s in counts]
    for skill, own in itertools.product((1.2, 2.2, 3.5), (0.0, 0.3, 0.45, 0.6, 0.9)):
        rng = np.random.default_rng(0)
        right: list[int] = []
        for _ in range(boards // step):
            effect = rng.normal(scale=np.sqrt(own), size=(step, lists.candidates.max() + 1))
            noise = rng.normal(scale=np.sqrt(1 - own), size=(step, *lists.candidates.shape))
            scores = effect[:, lists.candidates] + noise
            scores[:, np.arange(n), lists.gold] += skill
            right += (scores.argmax(axis=2) == lists.gold).sum(axis=1).tolist()
        accuracy = np.array(right) / n
        truth = accuracy.mean()
        stated = np.sqrt(np.mean(accuracy * (1 - accuracy) / (n - 1)))
        held = np.array([e is not None and e.low <= truth <= e.high for e in ends])
        print(
            f"  {lists.query.value:<16}own part {own:.2f}, accuracy {truth:.2f}: true/stated "
            f"{accuracy.std() / stated:.2f}, coverage {100 * held[right].mean():.1f}%",
            flush=True,
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--submissions", type=Path, default=Path("submissions"))
    parser.add_argument("--task", action="append")
    parser.add_argument("--simulate", action="store_true")
    parser.add_argument("--boards", type=int, default=20_000)
    options = parser.parse_args()
    if options.simulate:
        for query in (Query.IMAGE_RETRIEVAL, Query.TEXT_RETRIEVAL):
            lists = Lists.of_flickr(query)
            own_parts(lists, options.submissions)
            simulate(lists, options.boards)
        return
    for name in options.task or ("flickr30k", "imagecode", "svo", "aro", "winoground"):
        task = TASKS.get(name)
        items = {item.id: item for item in task.items("mini")}
        print(f"{name}: s.e. by clusters, with shared candidates, ratio, items that share one")
        for folder in sorted(options.submissions.glob(f"*/*/{name}")):
            scores = read_scores(folder / "scores.parquet").scores
            labels = [items[s.item_id].label for s in scores]
            for measure in task.measures:
                if isinstance(measure, EffectSize) or measure.name not in task.primary:
                    continue
                found = sample(measure, labels, [s.matrix for s in scores])
                if found is None or found.part.any():
                    continue
                shown = [
                    {p.sha256 for p in items[i].images} if len(items[i].images) > 1
                    else set(items[i].texts)
                    for i in found.ids
                ]  # fmt: skip
                same = np.array([[bool(a & b) for b in shown] for a in shown])
                same |= found.cluster[:, None] == found.cluster
                residual = (found.expected - found.expected.mean()) / len(found.ids)
                plain = spread(found.expected, found.item_weight(), found.cluster).variance ** 0.5
                joint = float(max(residual @ same @ residual, 0.0)) ** 0.5
                ratio = joint / plain if plain else float("nan")
                model = folder.parts[-3]
                print(
                    f"  {model:<22}{measure.name:<24}{plain:.4f} {joint:.4f} {ratio:5.2f}"
                    f"{same.sum(1).mean():6.1f}"
                )


if __name__ == "__main__":
    main()
