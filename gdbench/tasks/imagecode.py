"""ImageCoDe: the one of ten near-identical pictures that a contextual description means."""

from gdbench.data.catalogue import CATALOGUE
from gdbench.metrics.measures import Recall
from gdbench.tasks.base import Task

TASK = Task(
    name="imagecode",
    version="1",
    title="ImageCoDe",
    description="Ten near-identical pictures (static: similar photographs; video: frames) and one "
    "careful description: find the picture.",
    measures=(
        Recall("static_r1", ("static",)),
        Recall("static_r5", ("static",), k=5),
        Recall("video_r1", ("video",)),
        Recall("video_r5", ("video",), k=5),
    ),
    primary=("static_r1", "video_r1"),
    sources={
        "full": "gdbench.data.imagecode:items",
        "mini": "gdbench.mini.items:imagecode",
        "mini2": "gdbench.mini.graded.items:imagecode",
    },
    published=CATALOGUE["imagecode"],
    expected={"mini": {"static": 100, "video": 100}, "mini2": {"static": 180, "video": 180}},
    versions={"mini2": "2"},
    citation="Krojer et al., ACL 2022",
    url="https://github.com/McGill-NLP/imagecode",
    notes=(
        "Validation split; the test labels are secret.",
        "Many descriptions are longer than 77 tokens and are cut by CLIP text encoders; the "
        "number of cut captions is in every record.",
    ),
)
