"""Winoground: two pictures and two captions made of the same words."""

from gdbench.data.catalogue import CATALOGUE
from gdbench.metrics.measures import PairMatching
from gdbench.tasks.base import Task

_TAGS = ("Object", "Relation", "Both")

TASK = Task(
    name="winoground",
    version="1",
    title="Winoground",
    description="Two pictures and two captions with the same words in another order: match them.",
    measures=(
        PairMatching("text", "text"),
        PairMatching("image", "image"),
        PairMatching("group", "group"),
        *(
            PairMatching(f"{part}_{tag.lower()}", part, tag)
            for tag in _TAGS
            for part in ("text", "image", "group")
        ),
    ),
    primary=("text", "image", "group"),
    sources={
        "full": "gdbench.data.winoground:items",
        "mini": "gdbench.mini.items:winoground",
        "mini2": "gdbench.mini.graded.items:winoground",
    },
    published=CATALOGUE["winoground"],
    expected={"mini": {"winoground": 100}, "mini2": {"winoground": 180}},
    versions={"mini2": "2"},
    citation="Thrush et al., CVPR 2022",
    url="https://huggingface.co/datasets/facebook/winoground",
    human={"text": 0.895, "image": 0.885, "group": 0.855},
    notes=("Human scores: Thrush et al. 2022, table 3 (ten annotators per item).",),
)
