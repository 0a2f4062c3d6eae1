"""SugarCrepe: compositional captions whose wrong versions are as fluent as the true ones."""

from gdbench.data.catalogue import CATALOGUE
from gdbench.metrics.measures import Recall
from gdbench.tasks.base import Task

_ALL = tuple(CATALOGUE["sugarcrepe"].expected)

TASK = Task(
    name="sugarcrepe",
    version="1",
    title="SugarCrepe",
    description="A true caption against a fluent, plausible, wrong one: something added, replaced "
    "or swapped.",
    measures=(
        *(Recall(name, (name,)) for name in _ALL),
        *(
            Recall(kind, tuple(n for n in _ALL if n.endswith(kind)), by="subtask")
            for kind in ("att", "obj", "rel")
        ),
        Recall("macro", _ALL, by="subtask"),
    ),
    primary=("macro",),
    sources={"full": "gdbench.data.sugarcrepe:items"},
    published=CATALOGUE["sugarcrepe"],
    kind="extra",
    citation="Hsieh et al., NeurIPS 2023 Datasets and Benchmarks",
    url="https://github.com/RAIVNLab/sugar-crepe",
    notes=("Not part of the GDBench score.",),
)
