"""A tiny random pipeline of every family, by the class of its pipeline."""

from collections.abc import Callable
from typing import Any

import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel

from tests.models.diffusion_itm.families import (
    parts,
    test_auraflow,
    test_chroma,
    test_cogview3,
    test_cogview4,
    test_ernie_image,
    test_flux,
    test_flux2,
    test_hidream,
    test_hunyuan_dit,
    test_hunyuan_image,
    test_krea2,
    test_lcm,
    test_longcat_image,
    test_lumina2,
    test_ovis_image,
    test_pixart,
    test_prx,
    test_qwen_image,
    test_qwen_image_21,
    test_sana,
    test_sd3,
    test_sdxl,
    test_z_image,
)


def make_sd():
    """Stable Diffusion."""
    torch.manual_seed(0)
    tokenizer = parts.clip_tokenizer()
    unet = UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(16, 32),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        layers_per_block=1,
        cross_attention_dim=24,
        attention_head_dim=(2, 4),
        norm_num_groups=4,
    )
    return StableDiffusionPipeline(
        vae=parts.vae(),
        text_encoder=parts.clip_encoder(tokenizer, 24),
        tokenizer=tokenizer,
        unet=unet.eval(),
        scheduler=DDIMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear"),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


MAKERS: dict[str, Callable[[], Any]] = {
    "StableDiffusionPipeline": make_sd,
    "LatentConsistencyModelPipeline": test_lcm.make,
    "StableDiffusionXLPipeline": test_sdxl.make,
    "StableDiffusion3Pipeline": test_sd3.make,
    "FluxPipeline": test_flux.make,
    "Flux2KleinPipeline": test_flux2.make_klein,
    "Flux2Pipeline": test_flux2.make_dev,
    "ChromaPipeline": test_chroma.make,
    "PixArtAlphaPipeline": lambda: test_pixart.make("alpha"),
    "PixArtSigmaPipeline": lambda: test_pixart.make("sigma"),
    "SanaPipeline": test_sana.make,
    "Lumina2Pipeline": test_lumina2.make,
    "AuraFlowPipeline": test_auraflow.make,
    "HunyuanDiTPipeline": test_hunyuan_dit.make,
    "CogView4Pipeline": test_cogview4.make,
    "QwenImagePipeline": test_qwen_image.make,
    "ZImagePipeline": test_z_image.make,
    "OvisImagePipeline": test_ovis_image.make,
    "LongCatImagePipeline": test_longcat_image.make,
    "HiDreamImagePipeline": test_hidream.make,
    "Krea2Pipeline": test_krea2.make,
    "PRXPipeline": test_prx.make,
    "HunyuanImagePipeline": test_hunyuan_image.make,
    "CogView3PlusPipeline": test_cogview3.make,
    "QwenImage21Pipeline": test_qwen_image_21.make,
    "ErnieImagePipeline": test_ernie_image.make,
}

SETTINGS: dict[str, dict[str, int]] = {
    "FluxPipeline": test_flux.SIZE,
    "Flux2KleinPipeline": test_flux2.SIZE,
    "Flux2Pipeline": test_flux2.SIZE,
    "ChromaPipeline": test_chroma.SIZE,
    "PixArtAlphaPipeline": test_pixart.SIZE,
    "PixArtSigmaPipeline": test_pixart.SIZE,
    "SanaPipeline": test_sana.LENGTH,
    "AuraFlowPipeline": test_auraflow.SIZE,
    "QwenImagePipeline": test_qwen_image.SIZE,
    "ZImagePipeline": test_z_image.SIZE,
    "OvisImagePipeline": test_ovis_image.SIZE,
    "LongCatImagePipeline": test_longcat_image.SIZE,
    "HiDreamImagePipeline": test_hidream.SIZE,
    "Krea2Pipeline": test_krea2.SIZE,
    "PRXPipeline": test_prx.SIZE,
    "HunyuanImagePipeline": test_hunyuan_image.SIZE,
    "CogView3PlusPipeline": test_cogview3.SIZE,
    "QwenImage21Pipeline": test_qwen_image_21.SIZE,
    "ErnieImagePipeline": test_ernie_image.SIZE,
}
"""Of those that are larger as published than their tiny parts."""


def save(pipe, folder):
    """A pipeline's folder as it is published."""
    pipe.save_pretrained(folder)
    if "PRX" in type(pipe).__name__:
        test_prx.config_of(pipe.tokenizer).save_pretrained(folder / "text_encoder")


def save_configs(pipe, folder):
    """The JSON files of a pipeline, and no weights."""
    pipe.save_config(folder)
    for name, part in pipe.components.items():
        if part is None:
            continue
        if isinstance(part, torch.nn.Module) and hasattr(part, "save_config"):
            part.save_config(folder / name)
        elif isinstance(part, torch.nn.Module):
            # PRX names the whole model's configuration, of which its encoder has a part
            whole = test_prx.config_of(pipe.tokenizer) if "PRX" in type(pipe).__name__ else None
            config = whole or part.config
            config.architectures = [type(part).__name__]
            config.save_pretrained(folder / name)
        else:
            part.save_pretrained(folder / name)
