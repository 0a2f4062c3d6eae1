"""BiVLC: compositional retrieval both ways."""

from gdbench.data.bivlc import ENTRY
from gdbench.metrics.measures import PairMatching
from gdbench.tasks.base import Task

TASK = Task(
    name="bivlc",
    version="1",
    title="BiVLC",
    description="A caption and a fluent wrong one, each with a picture, one of them generated: "
    "which belong together?",
    measures=(
        PairMatching("text", "text"),
        PairMatching("image", "image"),
        PairMatching("group", "group"),
    ),
    primary=("text", "image", "group"),
    sources={"full": "gdbench.data.bivlc:items"},
    published=ENTRY,
    kind="extra",
    citation="Miranda et al., NeurIPS 2024",
    url="https://huggingface.co/datasets/imirandam/BiVLC",
    notes=(
        "Not part of the GDBench score.",
        "Columns as the authors' loader reads them; the number of rows was not seen.",
        "One picture of a pair is a photograph, the other generated.",
        "Blind control: control:text-only:MODEL. Both captions belong to a picture of the pair: it "
        "is right for neither.",
    ),
)
