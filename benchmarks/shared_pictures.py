"""Pictures and captions that are candidates in many lists: do they make intervals too narrow?

    python -m benchmarks.shared_pictures [--submissions submissions] [--task flickr30k]

Lists that have a picture (or caption) in common are not independent: a picture that attracts many
captions spoils all lists that it stands in. For each landed model: the standard error of the
primary metrics with clusters of gold pictures alone, as in the records, and with every two items
that share a candidate taken as dependent (the variance for dyadic data of Aronow, Samii and
Assenova 2015, to which each pair of items with something in common adds its product).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from gdbench.metrics.measures import EffectSize, sample
from gdbench.metrics.spread import spread
from gdbench.submissions.scores import read_scores
from gdbench.tasks import TASKS


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--submissions", type=Path, default=Path("submissions"))
    parser.add_argument("--task", action="append")
    options = parser.parse_args()
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
