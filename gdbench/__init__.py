"""gdbench: how well does a model, generative or discriminative, match text and image?"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gdbench.api.comparison import Comparison, compare
    from gdbench.api.evaluate import evaluate
    from gdbench.api.match import Match, match
    from gdbench.api.results import Results, load_run
    from gdbench.api.tasks import own_data
    from gdbench.data.images import image
    from gdbench.errors import DataProblemsError, GdbenchError
    from gdbench.metrics.measures import EffectSize, PairMatching, Recall
    from gdbench.models import MODELS, load_model
    from gdbench.protocol import ImageRef, Item, ITMModel, Label, ModelCard, Query, Scores
    from gdbench.records import MetricValue, ModelSettings, ResultRecord
    from gdbench.tasks import TASKS, Task
    from gdbench.tasks.own import own_task

# Imported when asked for, so that `import gdbench` and `gdbench --help` stay instant.
_WHERE = {
    "Comparison": "gdbench.api.comparison",
    "DataProblemsError": "gdbench.errors",
    "EffectSize": "gdbench.metrics.measures",
    "GdbenchError": "gdbench.errors",
    "ITMModel": "gdbench.protocol",
    "ImageRef": "gdbench.protocol",
    "Item": "gdbench.protocol",
    "Label": "gdbench.protocol",
    "MODELS": "gdbench.models",
    "Match": "gdbench.api.match",
    "MetricValue": "gdbench.records",
    "ModelCard": "gdbench.protocol",
    "ModelSettings": "gdbench.records",
    "PairMatching": "gdbench.metrics.measures",
    "Query": "gdbench.protocol",
    "Recall": "gdbench.metrics.measures",
    "ResultRecord": "gdbench.records",
    "Results": "gdbench.api.results",
    "Scores": "gdbench.protocol",
    "TASKS": "gdbench.tasks",
    "Task": "gdbench.tasks",
    "compare": "gdbench.api.comparison",
    "evaluate": "gdbench.api.evaluate",
    "image": "gdbench.data.images",
    "load_model": "gdbench.models",
    "load_run": "gdbench.api.results",
    "match": "gdbench.api.match",
    "own_data": "gdbench.api.tasks",
    "own_task": "gdbench.tasks.own",
}

__all__ = [
    "MODELS",
    "TASKS",
    "Comparison",
    "DataProblemsError",
    "EffectSize",
    "GdbenchError",
    "ITMModel",
    "ImageRef",
    "Item",
    "Label",
    "Match",
    "MetricValue",
    "ModelCard",
    "ModelSettings",
    "PairMatching",
    "Query",
    "Recall",
    "ResultRecord",
    "Results",
    "Scores",
    "Task",
    "compare",
    "evaluate",
    "image",
    "load_model",
    "load_run",
    "match",
    "own_data",
    "own_task",
]


# A type checker reads the imports above, and takes no other name.
if TYPE_CHECKING:
    __version__: str
else:

    def __getattr__(name: str) -> Any:
        """The public names, imported from where they live."""
        if name == "__version__":
            from importlib.metadata import version

            return version("gdbench")
        if name not in _WHERE:
            raise AttributeError(f"module 'gdbench' has no attribute {name!r}")
        return getattr(import_module(_WHERE[name]), name)
