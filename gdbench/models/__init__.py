"""The registry of models by name, and `load_model` for everything else that can be named."""

from __future__ import annotations

from gdbench.models.kinds import KINDS, Kind, ModelEntry
from gdbench.models.loading import load_model, load_request, refuse_unfit, resolve, takes
from gdbench.models.zoo import MODELS

__all__ = [
    "KINDS",
    "MODELS",
    "Kind",
    "ModelEntry",
    "load_model",
    "load_request",
    "refuse_unfit",
    "resolve",
    "takes",
]
