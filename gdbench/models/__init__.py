"""The registry of models by name, and `load_model` for everything else that can be named."""

from __future__ import annotations

from gdbench.models.entry import LoadOptions, ModelEntry
from gdbench.models.loading import load_model, resolve
from gdbench.models.zoo import MODELS

__all__ = ["MODELS", "LoadOptions", "ModelEntry", "load_model", "resolve"]
