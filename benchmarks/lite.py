"""How scores, intervals and the order of models follow when each sub-task has fewer items.

The committed submissions of the mini suite, cut to the first N items of GDBench-lite's ranking:
nothing is run. `python -m benchmarks.lite --items 10 30 50`. Of each N: the rank correlation
(Kendall's tau-b) with the order on all items, how far scores moved, how wide intervals are, and how
many pairs of models can be told apart (Holm) among all pairs.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from scipy import stats

from gdbench.metrics.intervals import share_interval
from gdbench.metrics.measures import Sample, merge
from gdbench.metrics.ranks import pairwise
from gdbench.submissions.finished import Finished, open_run
from gdbench.submissions.manifest import ManifestSource
from gdbench.submissions.results import samples_of, score_of
from gdbench.tasks import ABILITY, TASKS
from gdbench.tasks.lite import chosen

SUBMISSIONS = Path(__file__).parent.parent / "submissions"


def kept_ids(n: int | None) -> dict[str, set[str]]:
    """By task the ids of the first `n` items of each sub-task's ranking; None: all."""
    found = {}
    for task in ABILITY:
        items = list(TASKS.get(task).items("mini"))
        found[task] = {i.id for i in (items if n is None else chosen(items, n))}
    return found


def cut(finished: Finished, ids: set[str]) -> Sample | None:
    """The task's score over some of its items."""
    pairs = [
        (label, scores.matrix)
        for label, scores in zip(finished.labels, finished.scores, strict=True)
        if scores.item_id in ids
    ]
    samples = samples_of(finished.task, [p[0] for p in pairs], [p[1] for p in pairs])
    return score_of(finished.task, samples)


def overall(
    runs: Mapping[str, Sequence[Finished]], ids: Mapping[str, set[str]]
) -> dict[str, Sample]:
    """The GDBench score of each model over some items."""
    return {
        model: merge(
            {
                f.record.task.name: sample
                for f in tasks
                if (sample := cut(f, ids[f.record.task.name])) is not None
            }
        )
        for model, tasks in runs.items()
    }


def runs_of(folder: Path) -> dict[str, list[Finished]]:
    """The ability tasks of every complete submission."""
    found = {}
    for place in sorted(folder.glob("*/*")):
        if not place.is_dir():
            continue
        tasks = [f for f in open_run(place, ManifestSource()) if f.record.task.name in ABILITY]
        if len(tasks) == len(ABILITY):
            card = tasks[0].record.model
            found[f"{card.name}@{card.revision}"] = tasks
    return found


def main() -> None:
    """Print a row for each number of items."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, nargs="+", default=[10, 20, 30, 50])
    parser.add_argument("--submissions", type=Path, default=SUBMISSIONS)
    given = parser.parse_args()
    runs = runs_of(given.submissions)
    print("| items of a sub-task | items in all | tau-b | largest move | half width | apart |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    whole: dict[str, float] = {}
    for n in (None, *sorted(given.items, reverse=True)):
        samples = overall(runs, kept_ids(n))
        values = {name: s.mean(s.values()) for name, s in samples.items()}
        whole = whole or values
        ends = [share_interval(s, s.values()) for s in samples.values()]
        half = np.mean([(e.high - e.low) / 2 for e in ends if e is not None])
        tau = stats.kendalltau([whole[m] for m in whole], [values[m] for m in whole]).statistic
        moved = max(abs(values[m] - whole[m]) for m in whole)
        tests = pairwise(samples)
        apart = sum(d.significant() for d in tests.values())
        total = len(next(iter(samples.values())).ids)
        print(
            f"| {'all' if n is None else n} | {total:,} | {tau:.2f} | {100 * moved:.1f} | "
            f"{100 * half:.1f} | {apart} of {len(tests)} |"
        )
    print(f"\n{len(runs)} models: {', '.join(runs)}")


if __name__ == "__main__":
    main()
