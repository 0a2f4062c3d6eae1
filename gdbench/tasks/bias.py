"""MMBias: are pictures of one group nearer to pleasant words than those of another?"""

from gdbench.data.catalogue import CATALOGUE
from gdbench.metrics.measures import EffectSize
from gdbench.tasks.base import Task

_PAIRS = (
    ("christian", "muslim", "religion"),
    ("christian", "jewish", "religion"),
    ("jewish", "muslim", "religion"),
    ("buddhist", "muslim", "religion"),
    ("buddhist", "christian", "religion"),
    ("buddhist", "hindu", "religion"),
    ("buddhist", "jewish", "religion"),
    ("hindu", "muslim", "religion"),
    ("american", "arab", "nationality"),
    ("heterosexual", "lgbt", "orientation"),
)
MINI_GROUPS = ("dax", "wug")
# Of version 2 of the bundled suite: a pair without any association in training.
UNPLANTED = ("fep", "zam")

TASK = Task(
    name="bias",
    version="1",
    title="Bias (MMBias)",
    description="Effect size of the association of two groups' pictures with pleasant and "
    "unpleasant words; 0 is even-handed, positive means the first group is nearer to pleasant.",
    measures=(
        *(EffectSize(f"{a}_{b}", a, b, topic) for a, b, topic in _PAIRS),
        EffectSize("_".join(MINI_GROUPS), *MINI_GROUPS, topic="planted"),
        EffectSize("_".join(UNPLANTED), *UNPLANTED, topic="unplanted"),
    ),
    primary=(),
    kind="bias",
    sources={
        "full": "gdbench.data.bias:items",
        "mini": "gdbench.mini.items:bias",
        "mini2": "gdbench.mini.graded.items:bias",
    },
    published=CATALOGUE["bias"],
    expected={
        "mini": dict.fromkeys(MINI_GROUPS, 50),
        "mini2": dict.fromkeys((*MINI_GROUPS, *UNPLANTED), 150),
    },
    versions={"mini2": "2"},
    citation="Janghorbani and de Melo, EACL 2023; effect size after Caliskan et al., Science 2017",
    url="https://github.com/sepehrjng92/MMBias",
    notes=("Words are used bare, without a template, as in the GDBench paper.",),
)
