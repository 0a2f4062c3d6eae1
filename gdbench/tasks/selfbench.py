"""Self-Bench: do models that generate a picture also recognise what they were asked for?"""

from gdbench.data.catalogue import CATALOGUE
from gdbench.metrics.measures import Recall
from gdbench.tasks.base import Task

_CATEGORIES = ("single_object", "two_object", "counting", "colors", "position", "color_attr")

TASK = Task(
    name="selfbench",
    version="1",
    title="Self-Bench",
    description="Pictures made by text-to-image models from GenEval's prompts: find the prompt "
    "among prompts alike.",
    measures=(
        *(Recall(name, (name,)) for name in _CATEGORIES),
        Recall("macro", _CATEGORIES, by="subtask"),
        Recall("by_generator", _CATEGORIES, by="tag"),
    ),
    primary=("macro",),
    sources={"full": "gdbench.data.selfbench:items"},
    published=CATALOGUE["selfbench"],
    kind="extra",
    citation="Diffusion Classifiers Understand Compositionality, but Conditions Apply, NeurIPS "
    "2025 Datasets and Benchmarks, arXiv 2505.17955",
    url="https://huggingface.co/datasets/eugene6923/Self-Bench",
    notes=(
        "Not part of the GDBench score.",
        "A model knows the style of its own pictures: compare generators apart.",
    ),
)
