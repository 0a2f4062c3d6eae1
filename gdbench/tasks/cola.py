"""COLA: attributes bound to the right one of several objects."""

from gdbench.data.catalogue import CATALOGUE
from gdbench.metrics.measures import PairMatching
from gdbench.tasks.base import Task

TASK = Task(
    name="cola",
    version="1",
    title="COLA (multi-object)",
    description="Two pictures and two captions that exchange the attributes of two objects.",
    measures=(
        PairMatching("text", "text"),
        PairMatching("image", "image"),
        PairMatching("group", "group"),
    ),
    primary=("text", "image", "group"),
    sources={"full": "gdbench.data.cola:items"},
    published=CATALOGUE["cola"],
    kind="extra",
    citation="Ray et al., NeurIPS 2023",
    url="https://github.com/arijitray1993/COLA",
    notes=("Not part of the GDBench score.", "Marks `#` between parts of a caption are blanks."),
)
