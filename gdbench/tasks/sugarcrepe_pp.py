"""SugarCrepe++: is what is meant told from how it is said?"""

from gdbench.data.sugarcrepe_pp import ENTRY, SUBTASKS
from gdbench.metrics.measures import AllAbove
from gdbench.tasks.base import Task

_ALL = tuple(SUBTASKS)

TASK = Task(
    name="sugarcrepe_pp",
    version="1",
    title="SugarCrepe++",
    description="Two true captions in other words and one wrong one: both have to fit the picture "
    "better than the wrong one.",
    measures=(
        *(AllAbove(name, (name,)) for name in _ALL),
        AllAbove("macro", _ALL, by="subtask"),
    ),
    primary=("macro",),
    sources={"full": "gdbench.data.sugarcrepe_pp:items"},
    published=ENTRY,
    kind="extra",
    citation="Dumpala et al., NeurIPS 2024 Datasets and Benchmarks",
    url="https://huggingface.co/datasets/Aman-J/SugarCrepe_pp",
    notes=(
        "Not part of the GDBench score.",
        "The authors' image-text task; their text-only task, of encoders alone, is not asked.",
        "Counts and fields as a public audit of the files has them; of one file the first rows "
        "were read. In some items both true captions are the same words.",
        "Blind control: control:text-only:MODEL. Chance is 1/3; what a model that sees no picture "
        "has above it is a preference for the wording.",
    ),
)
