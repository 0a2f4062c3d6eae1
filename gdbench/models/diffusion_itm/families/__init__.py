"""Families of diffusion pipelines: one file each, chosen by the class in model_index.json.

`FAMILIES` maps a pipeline's class name to its family; an entry point of the group
`gdbench.families` adds one. Nothing else asks which family a model is of.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gdbench.errors import InputError
from gdbench.models.digests import read_json_object
from gdbench.registry import Registry

if TYPE_CHECKING:
    from gdbench.models.diffusion_itm.families.base import Pipeline

FAMILIES: Registry[type[Pipeline]] = Registry("family of pipelines", "gdbench.families")
_BUILT_IN = {
    "sd:StableDiffusion": ("StableDiffusionPipeline", "StableDiffusionImg2ImgPipeline"),
    "lcm:LatentConsistencyModel": ("LatentConsistencyModelPipeline",),
    "sdxl:StableDiffusionXL": ("StableDiffusionXLPipeline",),
    "sd3:StableDiffusion3": ("StableDiffusion3Pipeline",),
    "flux:Flux": ("FluxPipeline",),
    "qwen_image:QwenImage": ("QwenImagePipeline",),
    "z_image:ZImage": ("ZImagePipeline",),
    "chroma:Chroma": ("ChromaPipeline",),
    "flux2:Flux2Klein": ("Flux2KleinPipeline",),
    "flux2:Flux2": ("Flux2Pipeline",),
    "ovis_image:OvisImage": ("OvisImagePipeline",),
    "longcat_image:LongCatImage": ("LongCatImagePipeline",),
    "hidream:HiDreamImage": ("HiDreamImagePipeline",),
    "krea2:Krea2": ("Krea2Pipeline",),
    "pixart:PixArtAlpha": ("PixArtAlphaPipeline",),
    "pixart:PixArtSigma": ("PixArtSigmaPipeline",),
    "sana:Sana": ("SanaPipeline",),
    "auraflow:AuraFlow": ("AuraFlowPipeline",),
    "hunyuan_dit:HunyuanDiT": ("HunyuanDiTPipeline",),
    "lumina2:Lumina2": ("Lumina2Pipeline",),
    "cogview4:CogView4": ("CogView4Pipeline",),
    "cogview3:CogView3Plus": ("CogView3PlusPipeline",),
    "qwen_image_21:QwenImage21": ("QwenImage21Pipeline",),
    "ernie_image:ErnieImage": ("ErnieImagePipeline",),
    "prx:PRX": ("PRXPipeline",),
    "hunyuan_image:HunyuanImage": ("HunyuanImagePipeline",),
}
for _target, _pipelines in _BUILT_IN.items():
    for _pipeline in _pipelines:
        FAMILIES.add(_pipeline, f"{__name__}.{_target}")
_DEFAULT = "StableDiffusionPipeline"
INDEX = "model_index.json"


def family_of(folder: Path) -> type[Pipeline]:
    """The family that reads a pipeline's folder; without model_index.json, Stable Diffusion's.

    Raises InputError where no family reads the class.
    """
    index = folder / INDEX
    name: object = _DEFAULT
    if index.is_file():
        name = read_json_object(index).get("_class_name", _DEFAULT)
    if isinstance(name, list):
        raise InputError(
            f"{folder}: {INDEX} names a pipeline of its own code ({str(name[-1])[:60]}), which is "
            "not run"
        )
    if name not in FAMILIES:
        raise InputError(
            f"{folder}: {INDEX} names {name}; the pipelines that are read here: "
            f"{', '.join(FAMILIES)}"
        )
    return FAMILIES.get(str(name))
