"""CLEVR: attribute recognition, binding and spatial relations in rendered scenes."""

from gdbench.data.catalogue import CATALOGUE
from gdbench.metrics.measures import Recall
from gdbench.tasks.base import Task

SUBTASKS = (
    "recognition_color",
    "recognition_shape",
    "pair_binding_size",
    "pair_binding_color",
    "spatial",
    "binding_color_shape",
    "binding_shape_color",
)

TASK = Task(
    name="clevr",
    version="1",
    title="CLEVR",
    description="Rendered scenes and two captions: recognise colours and shapes, bind attributes "
    "to objects, tell left from right.",
    measures=(
        *(Recall(name, (name,)) for name in SUBTASKS),
        Recall("micro", SUBTASKS),
        Recall("macro", SUBTASKS, by="subtask"),
        Recall("spatial_other_order", ("spatial",), flipped=True),
    ),
    primary=("macro",),
    sources={
        "full": "gdbench.data.clevr:items",
        "mini": "gdbench.mini.items:clevr",
        "mini2": "gdbench.mini.graded.items:clevr",
    },
    published=CATALOGUE["clevr"],
    expected={"mini": dict.fromkeys(SUBTASKS, 100), "mini2": dict.fromkeys(SUBTASKS, 180)},
    versions={"mini2": "2"},
    citation="Krojer et al., NeurIPS 2023; scenes after Johnson et al., CVPR 2017",
    url="https://zenodo.org/record/8096756",
    notes=(
        "The label order of `spatial` in the 2023 release is disputed: `spatial` uses the "
        "released order, `spatial_other_order` counts the other caption as the true one.",
    ),
)
