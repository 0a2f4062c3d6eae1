"""MMVP-VLM: differences that CLIP's features hardly show."""

from gdbench.data.mmvp_vlm import ENTRY, PATTERNS
from gdbench.metrics.measures import PairMatching
from gdbench.tasks.base import Task

TASK = Task(
    name="mmvp_vlm",
    version="1",
    title="MMVP-VLM",
    description="Two pictures that CLIP takes for alike and their statements, of nine kinds of "
    "difference: which statement belongs to which picture?",
    measures=(
        PairMatching("image", "image"),
        PairMatching("text", "text"),
        PairMatching("group", "group"),
        *(
            PairMatching(f"image_{name.lower().replace(' ', '_')}", "image", name)
            for name in PATTERNS
        ),
    ),
    primary=("image",),
    sources={"full": "gdbench.data.mmvp_vlm:items"},
    published=ENTRY,
    kind="extra",
    citation="Tong et al., CVPR 2024",
    url="https://huggingface.co/datasets/MMVP/MMVP_VLM",
    notes=(
        "Not part of the GDBench score.",
        "The authors' accuracy is `image`: both statements of a pair find their picture. Their "
        "template, 'a photo of', stands before each statement.",
        "Columns as a public loader names them, order and folders as the authors' script reads "
        "them; how the nine types are spelt in the file was not seen.",
        "The pictures were chosen as alike for CLIP ViT-L/14: adversarial for its kind.",
        "Blind control: control:text-only:MODEL. Both statements belong to a picture of the pair: "
        "it is at chance, 1/4, by ties.",
    ),
)
