"""A task: metadata, where its items come from in each suite, and its measures."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from importlib import import_module
from inspect import signature
from json.encoder import encode_basestring_ascii as quoted
from pathlib import Path
from typing import Any, Literal, Protocol

from gdbench.data.catalogue import Entry
from gdbench.errors import GdbenchError, InputError
from gdbench.metrics.measures import AllAbove, AnyMeasure, PairMatching, Recall, means, unit_of
from gdbench.numbers import SHARE, Unit
from gdbench.protocol import Item, Query
from gdbench.readable import TASK_NAME
from gdbench.records import Compat, MetricValue
from gdbench.set_hash import sorted_sha256
from gdbench.tasks import lite
from gdbench.tasks.own_items import checked


class Loader(Protocol):
    """Reads published data below a root folder."""

    def __call__(
        self, root: Path | None, compat: Compat | None, *, allow_partial: bool
    ) -> Iterable[Item]:
        """The items. Raises DataProblemsError on missing or broken data unless `allow_partial`."""


Kind = Literal["ability", "bias", "extra"]
Bundled = Callable[[], Iterable[Item]]
BUNDLED = ("mini2", "mini")
"""The suites whose items come with the package, the newest first."""
_TAKEN = "run.json"  # beside the folders of a run's tasks


def check_name(name: object) -> None:
    """Raise InputError for a task's name that cannot be that of a folder in a run."""
    if not isinstance(name, str) or not TASK_NAME.match(name) or name.lower() == _TAKEN:
        raise InputError(
            f"task {str(name)[:80]!r}: a name is letters, digits and ._+- only, and not {_TAKEN}"
        )


@dataclass(frozen=True)
class Task:
    """One task of GDBench.

    `sources` maps a suite ("full", one of `BUNDLED`, or a variant such as "neutral") to a `Loader`
    or to a function without arguments, itself or as a lazy "package.module:function". `expected`
    maps a suite to the number of items of each sub-task; those of published data, and their
    licence, come from `published`. `versions` has the version of suites whose questions are newer
    than the others': results of two versions are never ranked together.
    """

    name: str
    version: str
    title: str
    description: str  # one or two sentences: what is tested
    measures: tuple[AnyMeasure, ...]
    primary: tuple[str, ...]  # the score of the task is the mean of these; empty for bias
    sources: Mapping[str, str | Loader | Bundled]
    published: Entry | None = None  # counts, licence and source of the data, where they are public
    expected: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    kind: Kind = "ability"
    license: str = ""  # that of `published`, where there is one
    citation: str = ""
    url: str = ""
    notes: tuple[str, ...] = ()  # known label errors, where candidates come from
    human: Mapping[str, float] = field(default_factory=dict)  # published human scores by metric
    coverage: float = 0.95  # below this share of the expected items a result is not ranked
    compat_expected: Mapping[str, int] | None = None  # where the 2023 release's items differ
    versions: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raises GdbenchError where the measures and the primary ones do not fit."""
        units = {m.name: m.unit for m in self.measures}
        if len(units) < len(self.measures):
            raise GdbenchError(f"task {self.name}: two measures have the same name")
        unknown = [name for name in self.primary if name not in units]
        if unknown:
            raise GdbenchError(f"task {self.name}: primary {unknown[0]!r} is none of its measures")
        if len({units[name] for name in self.primary}) > 1:
            raise GdbenchError(
                f"task {self.name}: its score is a mean of {', '.join(self.primary)}, "
                "which are not in one unit"
            )
        if self.published is not None:
            self._take(self.published)
        if "full" in self.sources:
            self._add_lite()

    def _take(self, published: Entry) -> None:
        """Counts and licence of the published data, which stand there alone."""
        counts = {"full": published.expected, **published.variants}
        again = [s for s in counts if self.expected.get(s, counts[s]) != counts[s]]
        if again or self.license not in ("", published.license):
            what = f"the counts of {again[0]!r} are" if again else "the licence is"
            raise GdbenchError(f"task {self.name}: {what} not that of its published data")
        for name, value in (
            ("expected", {**counts, **self.expected}),
            ("license", published.license),
            ("compat_expected", published.compat_expected),
        ):
            object.__setattr__(self, name, value)

    def _add_lite(self) -> None:
        """GDBench-lite is the full suite's items, fewer of them."""
        query = Query.ASSOCIATION if not means(self.measures) else Query.MATCHING
        counts = {s: min(n, lite.cap(query)) for s, n in self.expected.get("full", {}).items()}
        for name, value in (
            ("sources", {**self.sources, lite.LITE: self.sources["full"]}),
            ("expected", {**self.expected, lite.LITE: counts}),
        ):
            object.__setattr__(self, name, value)

    def items(
        self,
        suite: str = "full",
        root: Path | None = None,
        compat: Compat | None = None,
        *,
        allow_partial: bool = False,
    ) -> Iterator[Item]:
        """The items of a suite, in a fixed order; `Item.ranks` as the measures ask.

        Raises InputError for a suite that the task does not have, DataProblemsError where files
        are missing or broken (unless `allow_partial`: then the items that are whole).
        """
        if suite not in self.sources:
            have = ", ".join(sorted(self.sources))
            msg = f"task {self.name} has no suite {suite!r}; it has: {have}"
            raise InputError(msg)
        source = self.sources[suite]
        if isinstance(source, str):
            module, _, attribute = source.partition(":")
            source = getattr(import_module(module), attribute)
        call = partial(_called, source, root, compat, allow_partial=allow_partial)
        pairs = any(isinstance(measure, PairMatching) for measure in self.measures)
        own = source is self.sources[suite]
        items = checked(call, self.name, pairs=pairs) if own else call()
        if suite == lite.LITE:
            items = lite.chosen(list(items))
            if not allow_partial:
                self._check_lite(items, root, compat)
        ranks = self.ranks
        for item in items:
            asked = ranks.get(item.subtask, (1,))
            yield item if asked == item.ranks else replace(item, ranks=asked)

    def _check_lite(self, items: list[Item], root: Path | None, compat: Compat | None) -> None:
        """Raise InputError where these are not the pinned items of GDBench-lite."""
        from gdbench.tasks.lite_pins import check_choice, name_of, root_of

        name = name_of(self.name, self.published, compat)
        check_choice(name, items, root_of(root, self.published))

    def unit(self, metric: MetricValue) -> Unit:
        """The unit in which a metric of this task is printed."""
        return unit_of(metric, self.measures)

    @property
    def score_unit(self) -> Unit:
        """The unit of the task's score, which is that of all its primary metrics."""
        return next((m.unit for m in self.measures if m.name in self.primary), SHARE)

    @property
    def ranks(self) -> dict[str, tuple[int, ...]]:
        """For each sub-task of retrieval: how many of the best its measures ask for, in order."""
        by_subtask: dict[str, set[int]] = {}
        for measure in self.measures:
            if isinstance(measure, Recall | AllAbove):
                for subtask in measure.subtasks:
                    by_subtask.setdefault(subtask, set()).add(measure.k)
        return {subtask: tuple(sorted(ks)) for subtask, ks in by_subtask.items()}

    def version_of(self, suite: str) -> str:
        """The version of the questions of a suite."""
        return self.versions.get(suite, self.version)

    def n_expected(self, suite: str, compat: Compat | None = None) -> int:
        """Number of items of the complete task."""
        if compat is not None and suite == "full" and self.compat_expected is not None:
            return sum(self.compat_expected.values())
        return sum(self.expected.get(suite, {}).values())


def _called(
    source: Any, root: Path | None, compat: Compat | None, *, allow_partial: bool
) -> Iterable[Item]:
    """What a source yields: a loader, or a function that needs no arguments."""
    needed = [p for p in signature(source).parameters.values() if p.default is p.empty]
    made: Iterable[Item] = source(root, compat, allow_partial=allow_partial) if needed else source()
    return made


def item_fingerprint(item: Item) -> str:
    """Canonical JSON of everything that defines an item, pictures by hash."""
    # piece by piece: an encoder of lists is set up anew for each item, one of strings is not
    texts, tags = ",".join(map(quoted, item.texts)), ",".join(map(quoted, item.tags))
    gold = ",".join(map(str, item.gold))
    images = ",".join([quoted(image.sha256) for image in item.images])
    return (
        f'[{quoted(item.id)},"{item.query.value}",[{gold}],{quoted(item.subtask)},'
        f"{quoted(item.cluster or item.id)},[{tags}],[{texts}],[{images}]]"
    )


def manifest_sha256(items: Iterable[Item]) -> str:
    """Hash of a set of items, whatever their order."""
    digests = bytearray()
    for item in items:
        digests += hashlib.sha256(item_fingerprint(item).encode()).digest()
    return sorted_sha256(digests)


def limited(items: Iterable[Item], limit: int | None, seed: int = 0) -> Iterator[Item]:
    """At most `limit` items of each sub-task, chosen by a seeded hash of the id.

    The choice depends on ids alone (not on their order), a smaller limit is part of a larger one,
    and the items come in their original order.
    """
    if limit is None:
        yield from items
        return
    everything = list(items)
    by_subtask: dict[str, list[tuple[bytes, int]]] = {}
    for index, item in enumerate(everything):
        key = hashlib.sha256(f"{seed}/{item.id}".encode()).digest()
        by_subtask.setdefault(item.subtask, []).append((key, index))
    chosen = {i for group in by_subtask.values() for _, i in sorted(group)[:limit]}
    for index, item in enumerate(everything):
        if index in chosen:
            yield item
