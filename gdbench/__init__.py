"""gdbench: how well does a model, generative or discriminative, match text and image?"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gdbench.errors import GdbenchError
    from gdbench.evaluation import evaluate
    from gdbench.models import MODELS, load_model
    from gdbench.protocol import ImageRef, Item, ITMModel, Label, ModelCard, Query, Scores
    from gdbench.records import MetricValue, ModelSettings, ResultRecord
    from gdbench.tasks import TASKS, Task

# Imported when asked for, so that `import gdbench` and `gdbench --help` stay instant.
_WHERE = {
    "GdbenchError": "gdbench.errors",
    "ITMModel": "gdbench.protocol",
    "ImageRef": "gdbench.protocol",
    "Item": "gdbench.protocol",
    "Label": "gdbench.protocol",
    "MODELS": "gdbench.models",
    "MetricValue": "gdbench.records",
    "ModelCard": "gdbench.protocol",
    "ModelSettings": "gdbench.records",
    "Query": "gdbench.protocol",
    "ResultRecord": "gdbench.records",
    "Scores": "gdbench.protocol",
    "TASKS": "gdbench.tasks",
    "Task": "gdbench.tasks",
    "evaluate": "gdbench.evaluation",
    "load_model": "gdbench.models",
}

__all__ = [
    "MODELS",
    "TASKS",
    "GdbenchError",
    "ITMModel",
    "ImageRef",
    "Item",
    "Label",
    "MetricValue",
    "ModelCard",
    "ModelSettings",
    "Query",
    "ResultRecord",
    "Scores",
    "Task",
    "evaluate",
    "load_model",
]


def __getattr__(name: str) -> Any:
    """The public names, imported from where they live."""
    if name == "__version__":
        from importlib.metadata import version

        return version("gdbench")
    if name not in _WHERE:
        raise AttributeError(f"module 'gdbench' has no attribute {name!r}")
    return getattr(import_module(_WHERE[name]), name)
