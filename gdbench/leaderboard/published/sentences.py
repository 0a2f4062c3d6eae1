"""What the published numbers allow to say, in sentences made from them."""

from __future__ import annotations

from collections.abc import Sequence

from gdbench.leaderboard.estimate import typeset
from gdbench.leaderboard.published.figures import Cited, PublishedModel
from gdbench.leaderboard.published.measures import Measured, groups_of
from gdbench.leaderboard.published.verdicts import Verdict, with_outcome
from gdbench.numbers import EFFECT, SHARE, Unit, interval_text, value_text

_WORDS = {
    "better": "a difference",
    "worse": "a difference",
    "undecided": "undecided",
    "untested": "no n published, so no test",
}
OUTCOMES = {
    "better": "the first is better",
    "worse": "the second is better",
    "undecided": "undecided",
    "untested": "not tested",
}
"""What a row of a comparison says."""


def number(cited: Cited, unit: Unit = SHARE) -> str:
    """A value with its interval: `39.5 (35.1 to 44.1)`; with n where there are few items."""
    text = typeset(value_text(cited.figure.value, unit))
    ends = cited.estimate.bounds
    if ends is None:
        return text
    few = 100
    n = cited.figure.n
    about = f", n {n}" if n is not None and n < few else ""
    return f"{text} ({interval_text(*ends, unit)}{about})"


def sentence(verdict: Verdict) -> str:
    """One measure: both values with their intervals, and whether they differ."""
    return f"{verdict.measure.title}: {finding(verdict)}"


def finding(v: Verdict) -> str:
    """The sentence without the name of its measure."""
    unit = v.measure.unit
    text = (
        f"{v.first.model} {number(v.first, unit)} against {v.second.model} "
        f"{number(v.second, unit)}: {_WORDS[v.outcome]}."
    )
    return text + _below(v)


def _below(v: Verdict) -> str:
    low = {(True, True): "Both", (True, False): v.first.model, (False, True): v.second.model}
    who = low.get(v.below_chance)
    if who is None:
        return ""
    verb = "are" if who == "Both" else "is"
    return f" {who} {verb} below chance ({value_text(v.measure.chance, SHARE)})."


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
    steps = first.steps
    if not steps:
        return ""
    text = (
        f"{first.name} takes {steps[0]} passes of its network for every pair of a picture and a "
        "text, and as many for the picture alone where scores are normalised"
    )
    if second.family == "contrastive":
        text += f"; {second.name} passes each picture and each text once and compares vectors"
    return f"{text}."


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
        f"{who}; mean effect size {listed(said)}. Whether these differ cannot be tested: no n is "
        "published."
    )


def _plural(group: str) -> str:
    named = group.upper() if group == "lgbt" else group.capitalize()
    return {"Heterosexual": "heterosexual people", "LGBT": "LGBT people"}.get(named, f"{named}s")
