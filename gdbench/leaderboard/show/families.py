"""Families of models: a word, and a mark that reads without colour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from gdbench.protocol import Family


@dataclass(frozen=True)
class FamilyInfo:
    """How a family is shown."""

    label: str
    mark: str
    """Shape in plots: circle, square, diamond, triangle, cross or ring."""


FAMILIES: dict[str, FamilyInfo] = {
    "contrastive": FamilyInfo("contrastive", "circle"),
    "diffusion-unet": FamilyInfo("diffusion U-Net", "square"),
    "diffusion-transformer": FamilyInfo("diffusion transformer", "diamond"),
    "generative-vlm": FamilyInfo("generative VLM", "triangle"),
    "control": FamilyInfo("control", "cross"),
    "other": FamilyInfo("other", "ring"),
}
if set(FAMILIES) != set(get_args(Family)):  # pragma: no cover # a new family needs a mark
    raise AssertionError("every family of the protocol needs a label and a mark")
