"""Oxford-IIIT Pets: which of 37 breeds is it?"""

from gdbench.data.catalogue import CATALOGUE
from gdbench.metrics.measures import Recall
from gdbench.tasks.base import Task

TASK = Task(
    name="pets",
    version="1",
    title="Pets",
    description="Fine-grained recognition: one photograph, 37 breeds, prompt "
    "'a photo of a <breed>'.",
    measures=(
        Recall("accuracy", ("pets",)),
        Recall("accuracy_macro", ("pets",), by="tag"),
    ),
    primary=("accuracy",),
    sources={
        "full": "gdbench.data.pets:items",
        "official-test": "gdbench.data.pets:official_items",
        "mini": "gdbench.mini.items:pets",
        "mini2": "gdbench.mini.graded.items:pets",
    },
    published=CATALOGUE["pets"],
    expected={"mini": {"pets": 148}, "mini2": {"pets": 222}},
    versions={"mini2": "2"},
    citation="Parkhi et al., CVPR 2012",
    url="https://www.robots.ox.ac.uk/~vgg/data/pets/",
    notes=(
        "All 7,390 pictures, as in the GDBench paper; the official test split has 3,669 "
        "(suite `official-test`).",
    ),
)
