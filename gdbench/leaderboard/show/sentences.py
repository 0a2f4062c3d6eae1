"""What the published numbers allow to say, in sentences made from them."""

from __future__ import annotations

from collections.abc import Sequence

from gdbench.data.published import Source
from gdbench.leaderboard.judged.published import (
    Cited,
    Contrast,
    Measured,
    PublishedModel,
    Verdict,
    groups_of,
    short_name,
    with_outcome,
)
from gdbench.leaderboard.words import typeset
from gdbench.numbers import EFFECT, SHARE, Unit, interval_text, value_text
from gdbench.tasks import TASKS

_WORDS = {
    "better": "a difference",
    "worse": "a difference",
    "undecided": "undecided",
    "untested": "no n published, so no test",
}
_FEW = 100  # items; below it n is part of the sentence
_MANY_TIES = 0.02  # of the items
OUTCOMES = {
    "better": "the first is better",
    "worse": "the second is better",
    "undecided": "undecided",
    "untested": "not tested",
}
"""What a row of a comparison says."""


def number(cited: Cited, unit: Unit = SHARE, steps: int | None = None) -> str:
    """A value with its interval: `39.5 (35.1 to 44.1)`.

    With n where there are few items, and with the timesteps where they are not `steps`.
    """
    text = typeset(value_text(cited.figure.value, unit))
    n, ends = cited.figure.n, cited.estimate.bounds
    about = [] if ends is None else [interval_text(*ends, unit)]
    if n is not None and n < _FEW:
        about.append(f"n {n}")
    if steps and cited.steps and cited.steps != steps:
        about.append(f"{cited.steps:,} timesteps")
    return f"{text} ({', '.join(about)})" if about else text


def sentence(verdict: Verdict, steps: int | None = None) -> str:
    """One measure: both values with their intervals, and whether they differ."""
    return f"{verdict.measure.title}: {finding(verdict, steps)}"


def finding(v: Verdict, steps: int | None = None) -> str:
    """The sentence without the name of its measure; `steps` are what goes without saying."""
    unit = v.measure.unit
    text = (
        f"{v.first.model} {number(v.first, unit, steps)} against {v.second.model} "
        f"{number(v.second, unit, steps)}: {_WORDS[v.outcome]}."
    )
    return text + _below(v) + _ties(v)


def _below(v: Verdict) -> str:
    low = {(True, True): "Both", (True, False): v.first.model, (False, True): v.second.model}
    who = low.get(v.below_chance)
    if who is None:
        return ""
    verb = "are" if who == "Both" else "is"
    return f" {who} {verb} below chance ({value_text(v.measure.chance, SHARE)})."


def _ties(v: Verdict) -> str:
    """Ties count as right in the released runs: said where they could carry a difference."""
    said = [
        f"{c.figure.ties:,} of {c.figure.n:,} items of {c.model}"
        for c in (v.first, v.second)
        if c.figure.ties and c.figure.n and c.figure.ties > _MANY_TIES * c.figure.n
    ]
    return f" Ties that count as right: {listed(said)}." if said else ""


def listed(words: Sequence[str]) -> str:
    """`a, b and c`."""
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def opening(found: Sequence[Verdict]) -> str:
    """Whether the first reasons better than the second, in a few words."""
    outcomes = {v.outcome for v in found}
    if outcomes <= {"untested"}:
        return "The published numbers do not say."
    if {"better", "worse"} <= outcomes:
        return "On some tasks, not on others."
    if "better" in outcomes:
        return "Yes, as far as it can be tested."
    return "No." if "worse" in outcomes else "Nothing tells them apart."


def comparison(found: Sequence[Verdict], first: str, second: str) -> str:
    """On how many measures the first is better, worse, or not told apart, and on which."""
    groups = {o: with_outcome(found, o) for o in ("better", "worse", "undecided")}
    tested = sum(map(len, groups.values()))
    if not tested:
        return f"No measure that {first} and {second} share has a published n on both sides."
    words = {"better": "better on", "worse": "worse on", "undecided": "not told apart on"}
    parts = [
        f"{words[outcome]} {len(group)} ({listed([v.measure.title for v in group])})"
        for outcome, group in groups.items()
        if group
    ]
    measures = "the one measure" if tested == 1 else f"the {tested} measures"
    return f"{first} against {second}, on {measures} that can be tested: {', '.join(parts)}."


def cost(first: PublishedModel, second: PublishedModel) -> str:
    """What the answer costs: passes of the network for each pair."""
    if first.steps is None:
        return ""
    text = (
        f"{first.name} takes {first.steps:,} passes of its network for every pair of a picture and "
        "a text"
    )
    if second.family == "contrastive":
        return f"{text}; {second.name} passes each picture and each text once."
    return f"{text}." if second.steps is None else f"{text}, {second.name} {second.steps:,}."


def runtimes(sources: Sequence[Source]) -> str:
    """How long the same task took, where times on one device were published."""
    found = [r for s in sources for r in s.runtimes]
    slow = max(found, key=lambda r: r.minutes, default=None)
    fast = min(found, key=lambda r: r.minutes, default=None)
    if slow is None or fast is None or slow.device != fast.device or slow is fast:
        return ""
    budget = f" with {slow.samples} timesteps a pair" if slow.samples else ""
    return (
        f"As quoted from the paper, on {slow.device}: {slow.minutes:g} minutes{budget} against "
        f"{fast.minutes:g} of {short_name(fast.model)} ({TASKS.get(slow.task).title}, "
        f"{slow.subtask.replace('_', ' ')})."
    )


def bias(models: Sequence[PublishedModel], measures: Sequence[Measured]) -> str:
    """Towards whom the models lean, and which least; empty without two models."""
    rows = [(m, [c for x in measures if (c := m.best(x.key)) is not None]) for m in models]
    rows = [(m, cells) for m, cells in rows if len(cells) == len(measures)]
    if len(rows) < 2 or not measures:  # noqa: PLR2004 # nothing to set against each other
        return ""
    leans = []
    for i, measure in enumerate(measures):
        pair = groups_of(measure.task, measure.metric)
        signs = {cells[i].figure.value > 0 for _, cells in rows}
        if pair is not None and len(signs) == 1:
            leans.append(_plural(pair.first if signs.pop() else pair.second))
    effects = sorted((sum(abs(c.figure.value) for c in cells) / len(cells), m.name)
                     for m, cells in rows)  # fmt: skip
    said = [f"{name} {value_text(mean, EFFECT).removeprefix('+')}" for mean, name in effects]
    who = f"All lean towards {listed(leans)}" if leans else "They lean in different directions"
    return (
        f"{who}; mean effect size {listed(said)}. No exact n is published, so whether these "
        "differ is not tested."
    )


def contrast(c: Contrast) -> str:
    """What naive scores find, what normalised ones do, and whether that is a difference."""
    ways = dict(c.ways)
    floor = ", which is chance" if c.naive_is_chance else ""
    return (
        f"{c.model}, {c.steps} timesteps: by the bare error {number(ways['naive'])} find the "
        f"right picture of ten{floor}; with the error under the empty prompt subtracted "
        f"{number(ways['normalised'])}: {'a difference' if c.differs else 'undecided'}. "
        f"Chance is {value_text(c.measure.chance, SHARE)}."
    )


def _plural(group: str) -> str:
    named = group.upper() if group == "lgbt" else group.capitalize()
    return {"Heterosexual": "heterosexual people", "LGBT": "LGBT people"}.get(named, f"{named}s")
