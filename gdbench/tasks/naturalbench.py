"""NaturalBench: pairs of photographs that a model without eyes cannot tell apart."""

from gdbench.data.naturalbench import ANSWERS, ENTRY, QUESTIONS, RETRIEVAL
from gdbench.metrics.measures import PairMatching
from gdbench.tasks.base import Task

TASK = Task(
    name="naturalbench",
    version="1",
    title="NaturalBench",
    description="Two photographs with their captions, mistaken for each other by CLIP models; and "
    "questions whose answers differ between two photographs.",
    measures=(
        PairMatching("text", "text", RETRIEVAL),
        PairMatching("image", "image", RETRIEVAL),
        PairMatching("group", "group", RETRIEVAL),
        PairMatching("question", "text", QUESTIONS),
        PairMatching("question_image", "image", QUESTIONS),
        *(PairMatching(f"question_{kind}", "text", kind) for kind in ANSWERS),
    ),
    primary=("text", "image", "group"),
    sources={"full": "gdbench.data.naturalbench:items"},
    published=ENTRY,
    kind="extra",
    citation="Li et al., NeurIPS 2024 Datasets and Benchmarks",
    url="https://huggingface.co/datasets/BaiqiL/NaturalBench",
    notes=(
        "Not part of the GDBench score.",
        "The score is that of NaturalBench-Retrieval. `question` is the authors' Q-Acc with a "
        "question and its answer as one text: both pictures find the right answer.",
        "Fields and columns as the authors' scripts read them; the number of pairs, and how "
        "options stand in a question, were not seen.",
        "Mined with OpenCLIP ViT-L/14, BLIP-2 and LongCLIP: adversarial for models of their kind.",
        "Blind control: control:text-only:MODEL. Each caption, and each answer, is right for one "
        "of the two pictures: it is right for neither pair of captions.",
    ),
)
