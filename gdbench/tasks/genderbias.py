"""Gender bias in the layout of the 2023 release, for pictures of one's own."""

from gdbench.data.catalogue import CATALOGUE
from gdbench.metrics.measures import EffectSize
from gdbench.tasks.base import Task

TASK = Task(
    name="genderbias",
    version="1",
    title="Gender bias",
    description="Are pictures of men nearer to suit, briefcase and beer, and those of women to "
    "apron, purse and wine? Positive: men are nearer to the first of the two words.",
    measures=tuple(
        EffectSize(topic, f"male_{topic}", f"female_{topic}", topic="gender")
        for topic in ("clothes", "bags", "drinks")
    ),
    primary=(),
    sources={"full": "gdbench.data.genderbias:items"},
    published=CATALOGUE["genderbias"],
    kind="extra",
    citation="Layout: code release of Krojer et al., NeurIPS 2023",
    url="https://github.com/McGill-NLP/diffusion-itm",
    notes=(
        "Not part of the GDBench score.",
        "The pictures of the 2023 release were never published.",
    ),
)
