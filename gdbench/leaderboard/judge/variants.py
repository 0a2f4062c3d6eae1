"""Which rows are one model: the same weights at another budget, precision or with a LoRA.

A revision is the hash of what was loaded; what follows its first `+` says what was changed
(`+stop0.05`, `+lora-896670dd`). Ranks compare models, so a variant stands below its model.

Anybody may name any revision, so what nobody else has run decides nothing here: it neither takes
the rank of a row that was run again, nor gives one to a variant by making its model uncertain.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace

from gdbench.leaderboard.judged.board import Row
from gdbench.leaderboard.judged.trust import LOCAL, RANKED

_HASH = re.compile(r"[0-9a-f]{7,64}")


def with_variants(rows: Sequence[Row]) -> list[Row]:
    """The rows of one pool, those that are variants marked with the name of their model."""
    own = {(r.model.name, r.model.revision, _local(r)): r for r in rows}
    by_weights: dict[tuple[str, bool], list[Row]] = defaultdict(list)
    for row in rows:
        by_weights[row.model.revision, _local(row)].append(row)
    return [_marked(row, own, by_weights) for row in rows]


def _local(row: Row) -> bool:
    return row.trust.badge == LOCAL


def _marked(
    row: Row,
    own: dict[tuple[str, str, bool], Row],
    by_weights: dict[tuple[str, bool], list[Row]],
) -> Row:
    base, _, change = row.model.revision.partition("+")
    if not change:
        return row
    named = own.get((row.model.name, base, _local(row)))
    same = by_weights.get((base, _local(row)), []) if _HASH.fullmatch(base) else []
    lead = _lead(row, [] if named is None else [named]) or _lead(row, same)
    return row if lead is None else replace(row, variant_of=lead.name)


def _lead(row: Row, candidates: Sequence[Row]) -> Row | None:
    """The one that may be the model of a variant; None where there is none, or more than one."""
    sure = [c for c in candidates if c.trust.badge in RANKED]
    if sure or row.trust.badge in RANKED:
        candidates = sure
    return candidates[0] if len(candidates) == 1 else None


def labelled(rows: Sequence[Row]) -> list[Row]:
    """The rows with names to show: without revision, unless two would be alike."""
    names = {r.name: r.model.name for r in rows}
    times = Counter(_plain(r) for r in rows if not _renamed(r, names))
    found = [replace(r, label=_label(r, names, times)) for r in rows]
    labels = {r.name: r.label for r in found}
    return [
        replace(r, reason=f"variant of {labels[r.variant_of]}")
        if r.variant_of and not r.reason
        else r
        for r in found
    ]


def _plain(row: Row) -> str:
    return row.model.name + (" (local run)" if _local(row) else "")


def _renamed(row: Row, names: dict[str, str]) -> bool:
    """Whether it is a variant under the name of its model."""
    return names.get(row.variant_of) == row.model.name


def _label(row: Row, names: dict[str, str], times: Counter[str]) -> str:
    """A variant by what was changed; a model by its name, with revision where another has it."""
    name = _plain(row)
    if _renamed(row, names):
        return f"{name}, {row.model.revision.partition('+')[2]}"
    return name if times[name] == 1 else f"{name} {row.model.revision}"


def ordered(rows: Sequence[Row]) -> list[Row]:
    """The rows in their order, each variant moved below its model."""
    below: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row.variant_of:
            below[row.variant_of].append(row)
    return [x for row in rows if not row.variant_of for x in (row, *below[row.name])]
