"""Families of diffusion pipelines: one file each, chosen by the class in model_index.json.

`FAMILIES` maps a pipeline's class name to its family; an entry point of the group
`gdbench.families` adds one. Nothing else asks which family a model is of.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from gdbench.errors import InputError
from gdbench.models.digests import read_json_object
from gdbench.registry import Registry

if TYPE_CHECKING:
    import torch

    from gdbench.models.diffusion_itm.parts import Parts


@runtime_checkable
class Family(Protocol):
    """How the pipelines of one class are read."""

    name: str

    def load(self, folder: Path, device: torch.device, dtype: torch.dtype) -> Parts:
        """All parts. Raises InputError that names what is missing or of another architecture."""


FAMILIES: Registry[Family] = Registry("family of pipelines", "gdbench.families")
_SD = "gdbench.models.diffusion_itm.families.sd:FAMILY"
for _pipeline in ("StableDiffusionPipeline", "StableDiffusionImg2ImgPipeline"):
    FAMILIES.add(_pipeline, _SD)
_DEFAULT = "StableDiffusionPipeline"


def family_of(folder: Path) -> Family:
    """The family that reads a pipeline's folder; without model_index.json, Stable Diffusion's.

    Raises InputError where no family reads the class.
    """
    index = folder / "model_index.json"
    name = _DEFAULT
    if index.is_file():
        name = str(read_json_object(index).get("_class_name", _DEFAULT))
    if name not in FAMILIES:
        raise InputError(
            f"{folder}: model_index.json names {name}; the families that are read here: "
            f"{', '.join(FAMILIES)}"
        )
    return FAMILIES.get(name)
