"""The bundled small benchmark: drawn scenes, items for all eight tasks, three trained models."""

from gdbench.mini.heldout import HELD_OUT_KINDS, heldout

__all__ = ["HELD_OUT_KINDS", "heldout"]
