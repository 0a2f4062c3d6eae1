"""VisMin: one minimal change of object, attribute, count or place."""

from gdbench.data.vismin import ENTRY
from gdbench.metrics.measures import PairMatching
from gdbench.tasks.base import Task

TASK = Task(
    name="vismin",
    version="1",
    title="VisMin",
    description="Two pictures that differ in an object, an attribute, a count or a place, and "
    "their captions.",
    measures=(
        PairMatching("text", "text"),
        PairMatching("image", "image"),
        PairMatching("group", "group"),
    ),
    primary=("text", "image", "group"),
    sources={"full": "gdbench.data.vismin:items"},
    published=ENTRY,
    kind="extra",
    citation="Awal et al., NeurIPS 2024",
    url="https://huggingface.co/datasets/mair-lab/vismin-bench",
    notes=(
        "Not part of the GDBench score.",
        "Columns of pictures and category as public loaders read them; those of the captions were "
        "not seen.",
        "Blind control: control:text-only:MODEL. Both captions belong to a picture of the pair: it "
        "is right for neither.",
    ),
)
