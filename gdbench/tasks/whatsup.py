"""What'sUp: where is one thing, seen from another?"""

from gdbench.data.whatsup import ENTRY, SUBTASKS
from gdbench.metrics.measures import Recall
from gdbench.tasks.base import Task

TASK = Task(
    name="whatsup",
    version="1",
    title="What'sUp",
    description="One thing on, under, left or right of another: the right one of four captions.",
    measures=(
        *(Recall(name, (name,)) for name in SUBTASKS),
        Recall("macro", tuple(SUBTASKS), by="subtask"),
    ),
    primary=("macro",),
    sources={"full": "gdbench.data.whatsup:items"},
    published=ENTRY,
    kind="extra",
    citation="Kamath et al., EMNLP 2023",
    url="https://github.com/amitakamath/whatsup_vlms",
    notes=(
        "Not part of the GDBench score.",
        "Fields as public loaders read them; the sets from COCO and Visual Genome are not read.",
        "Blind control: control:text-only:MODEL. The four captions of two things are right in "
        "turn, so a model that sees no picture is at chance.",
    ),
)
