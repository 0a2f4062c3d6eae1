"""`gdbench compare A B …`: tasks, metrics, bias, ranks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from gdbench.errors import InputError
from gdbench.metrics.measures import Sample, TieRule, associations, means, merge
from gdbench.metrics.paired import Comparison, PairedDifference, compare, paired_difference
from gdbench.metrics.paired_effects import compare_effects
from gdbench.metrics.ranks import RankInterval, indistinguishable_groups, pairwise, rank_intervals
from gdbench.numbers import SHARE, Unit
from gdbench.submissions.results import TaskResult, TaskResults
from gdbench.tasks.base import Task


@dataclass(frozen=True)
class ModelComparison:
    """Two models: p-values of tasks are adjusted over tasks, those of metrics over metrics."""

    first: str
    second: str
    overall: PairedDifference | None
    """Mean over the tasks that both have a score of, a share; None for a single task."""
    tasks: Comparison | None
    metrics: Comparison | None
    bias: tuple[PairedDifference, ...]
    units: Mapping[str, Unit]
    """By the names of the rows of tasks, metrics and bias."""

    def unit(self, row: PairedDifference) -> Unit:
        """The unit of a row, which is that of shares for the mean over tasks."""
        return self.units.get(row.name, SHARE)

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {
            "first": self.first,
            "second": self.second,
            "overall": asdict(self.overall) if self.overall else None,
            "tasks": [asdict(r) for r in self.tasks.rows] if self.tasks else [],
            "metrics": [asdict(r) for r in self.metrics.rows] if self.metrics else [],
            "bias": [asdict(r) for r in self.bias],
        }


@dataclass(frozen=True)
class Ranking:
    """Ranks of several models on the mean over the tasks that all of them have."""

    tasks: tuple[str, ...]
    ranks: Mapping[str, RankInterval]
    groups: tuple[tuple[str, ...], ...]
    unranked: str = ""
    """Why there are no ranks, empty where there are."""

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {
            "tasks": self.tasks,
            "ranks": [asdict(r) for r in self.ranks.values()],
            "groups": self.groups,
            "unranked": self.unranked,
        }


def distinct(results: Sequence[TaskResults], labels: Sequence[str]) -> list[TaskResults]:
    """Results with names of their own: where a model occurs twice its label is added."""
    names = [r.name for r in results]
    return [
        replace(r, name=f"{r.name} ({label})") if names.count(r.name) > 1 else r
        for r, label in zip(results, labels, strict=True)
    ]


def _common(results: Sequence[TaskResults]) -> list[str]:
    """Tasks that all have, asked in the same way. Raises InputError where the questions differ."""
    first, *others = results
    names = [n for n in first.tasks if all(n in o.tasks for o in others)]
    for name in names:
        mine = first.tasks[name].record.task
        for other in others:
            theirs = other.tasks[name].record.task
            if (mine.suite, mine.manifest_sha256) != (theirs.suite, theirs.manifest_sha256):
                raise InputError(
                    f"{name}: {first.name} was scored on {mine.n_items} items ({mine.suite}), "
                    f"{other.name} on {theirs.n_items} ({theirs.suite}): not the same items"
                )
    if not names:
        raise InputError(
            "there is no task that all of them have: " + ", ".join(r.name for r in results)
        )
    return names


def _scores(result: TaskResults, names: Sequence[str]) -> dict[str, Sample]:
    found = {n: result.tasks[n].score for n in names}
    return {n: s for n, s in found.items() if s is not None}


def _rule(results: Sequence[TaskResults], names: Sequence[str], ties: TieRule | None) -> TieRule:
    rules = {r.tasks[n].ties for r in results for n in names}
    if ties is None and len(rules) > 1:
        raise InputError("some results are in compat mode and some are not; give --ties")
    return ties or rules.pop()


def compare_models(
    first: TaskResults, second: TaskResults, *, ties: TieRule | None = None
) -> ModelComparison:
    """Compare two models on everything that both have.

    Raises InputError where they have no task in common or were asked different questions.
    """
    names = _common([first, second])
    rule = _rule([first, second], names, ties)
    a, b = _scores(first, names), _scores(second, names)
    both = [n for n in a if n in b]
    shares = [n for n in both if first.tasks[n].task.score_unit == SHARE]
    titles = (first.name, second.name)
    overall = None
    if len(shares) > 1:
        x, y = (merge({n: s[n] for n in shares}) for s in (a, b))
        overall = paired_difference("gdbench", x, y, ties=rule)
    metrics_a, metrics_b = (
        {f"{n}/{m}": s for n in names for m, s in r.tasks[n].samples.items()}
        for r in (first, second)
    )
    return ModelComparison(
        *titles,
        overall,
        compare(a, b, names=titles, ties=rule) if both else None,
        compare(metrics_a, metrics_b, names=titles, ties=rule) if metrics_a else None,
        tuple(row for n in names for row in _effects(first.tasks[n], second.tasks[n])),
        _units(first.tasks[n].task for n in names),
    )


def _units(tasks: Iterable[Task]) -> dict[str, Unit]:
    units: dict[str, Unit] = {}
    for task in tasks:
        units[task.name] = task.score_unit
        units |= {f"{task.name}/{m.name}": m.unit for m in means(task.measures)}
        units |= {m.name: m.unit for m in associations(task.measures)}
    return units


def _effects(first: TaskResult, second: TaskResult) -> tuple[PairedDifference, ...]:
    if first.groups is None or second.groups is None:
        return ()
    measures = associations(first.task.measures)
    compat = first.record.task.compat
    return compare_effects(measures, first.groups, second.groups, compat=compat)


def rank_models(results: Sequence[TaskResults], *, ties: TieRule | None = None) -> Ranking | None:
    """Rank intervals and groups over the tasks with a score that all models have; None: no task.

    Where a result holds a part of its task's items nobody has a rank, and `Ranking.unranked` says
    why: a part of a task is not the task.
    """
    names = _common(results)
    rule = _rule(results, names, ties)
    scores = {r.name: _scores(r, names) for r in results}
    if len(scores) < len(results):
        raise InputError("the same model and revision is given twice")
    both = [
        n
        for n in names
        if results[0].tasks[n].task.score_unit == SHARE and all(n in s for s in scores.values())
    ]
    if not both:
        return None
    partial = [
        f"{r.name} has {info.n_items} of {info.n_expected or 'an unknown number of'} items of {n}"
        for r in results
        for n in both
        if (info := r.tasks[n].record.task).share < r.tasks[n].task.coverage
    ]
    if partial:
        return Ranking(tuple(both), {}, (), partial[0])
    merged = {name: merge({n: s[n] for n in both}) for name, s in scores.items()}
    tests = pairwise(merged, ties=rule)
    return Ranking(
        tuple(both),
        rank_intervals(merged, tests, ties=rule),
        indistinguishable_groups(merged, tests, ties=rule),
    )
