"""ColorSwap: are colours bound to the right things?"""

from gdbench.data.colorswap import ENTRY
from gdbench.metrics.measures import PairMatching
from gdbench.tasks.base import Task

TASK = Task(
    name="colorswap",
    version="1",
    title="ColorSwap",
    description="Two pictures and two captions that exchange the colours of two things.",
    measures=(
        PairMatching("text", "text"),
        PairMatching("image", "image"),
        PairMatching("group", "group"),
    ),
    primary=("text", "image", "group"),
    sources={"full": "gdbench.data.colorswap:items"},
    published=ENTRY,
    kind="extra",
    citation="Burapacheep et al., 2024",
    url="https://huggingface.co/datasets/stanfordnlp/colorswap",
    notes=(
        "Not part of the GDBench score.",
        "Columns as a public loader reads them; licence and number of rows were not seen.",
        "Blind control: control:text-only:MODEL. Both captions belong to a picture of the pair: it "
        "is right for neither.",
    ),
)
