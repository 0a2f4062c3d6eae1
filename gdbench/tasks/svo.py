"""SVO-Probes: a sentence against a picture in which subject, verb or object differs."""

from gdbench.data.catalogue import CATALOGUE
from gdbench.metrics.measures import Recall
from gdbench.tasks.base import Task

TASK = Task(
    name="svo",
    version="1",
    title="SVO-Probes",
    description="One sentence, two pictures: in the wrong one the subject, the verb or the object "
    "is another.",
    measures=tuple(Recall(name, (name,)) for name in ("verb", "subj", "obj")),
    primary=("verb", "subj", "obj"),
    sources={
        "full": "gdbench.data.svo:items",
        "mini": "gdbench.mini.items:svo",
        "mini2": "gdbench.mini.graded.items:svo",
    },
    # The pictures are links, many of them dead: the full suite is whatever survives, see notes.
    published=CATALOGUE["svo"],
    expected={
        "mini": dict.fromkeys(("verb", "subj", "obj"), 100),
        "mini2": dict.fromkeys(("verb", "subj", "obj"), 180),
    },
    versions={"mini2": "2"},
    citation="Hendricks and Nematzadeh, Findings of ACL 2021",
    url="https://github.com/google-deepmind/svo_probes",
    notes=(
        "Many pictures are gone from the web, so results on different survivor sets are not "
        "comparable; the manifest hash in the record says which set was used.",
    ),
)
