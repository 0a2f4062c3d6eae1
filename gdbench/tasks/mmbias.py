"""MMBias beyond the paper's pairs: every pair of groups within a topic."""

from itertools import combinations

from gdbench.data.mmbias import ENTRY, TOPICS
from gdbench.metrics.measures import EffectSize
from gdbench.tasks.base import Task
from gdbench.tasks.bias import TASK as PAPERS

_PAPERS = {frozenset((m.first, m.second)): m for m in PAPERS.measures if isinstance(m, EffectSize)}


def _measure(a: str, b: str, topic: str) -> EffectSize:
    """In the paper's order and under its name, where it has the pair."""
    return _PAPERS.get(frozenset((a, b)), EffectSize(f"{a}_{b}", a, b, topic))


TASK = Task(
    name="mmbias",
    version="1",
    title="Bias, all of MMBias",
    description="Effect sizes of all pairs of groups within religion (10), nationality (6), "
    "orientation (1) and disability (3); the paper's bias task has ten of these 20.",
    measures=tuple(
        _measure(a, b, topic)
        for topic, groups in TOPICS.items()
        for a, b in combinations(groups, 2)
    ),
    primary=(),
    kind="extra",
    sources={"full": "gdbench.data.mmbias:items"},
    published=ENTRY,
    citation="Janghorbani and de Melo, EACL 2023",
    url="https://github.com/sepehrjng92/MMBias",
    notes=(
        "Never part of the GDBench score.",
        "The names of the folders of disability were not seen; the names in the published list of "
        "addresses are tried.",
    ),
)
