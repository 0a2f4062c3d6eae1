"""Small random Stable Diffusions, made from a seed, in the layout of the real ones."""

import json
from pathlib import Path

import torch
from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
from PIL import Image, ImageDraw
from tokenizers.pre_tokenizers import ByteLevel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

LENGTH = 16  # positions of the tiny text encoder


def make_tiny_sd(
    folder: Path,
    *,
    seed: int = 0,
    first_block: str = "DownBlock2D",
    sample_size: int = 8,
    prediction_type: str = "epsilon",
    wide: int = 16,
    layers: int = 2,
    dtype: torch.dtype = torch.float32,
) -> Path:
    """A model folder whose weights depend on the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        last = first_block.replace("Down", "Up")
        unet = UNet2DConditionModel(
            sample_size=sample_size,
            in_channels=4,
            out_channels=4,
            block_out_channels=(wide, 2 * wide),
            down_block_types=(first_block, "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", last),
            layers_per_block=layers,
            cross_attention_dim=24,
            attention_head_dim=(2, 4),
            norm_num_groups=4,
            use_linear_projection=first_block != "DownBlock2D",
        )
        vae = AutoencoderKL(
            block_out_channels=(8, 8, 8),
            down_block_types=("DownEncoderBlock2D",) * 3,
            up_block_types=("UpDecoderBlock2D",) * 3,
            latent_channels=4,
            norm_num_groups=4,
            layers_per_block=1,
            sample_size=4 * sample_size,
            scaling_factor=0.5,
        )
        alphabet = sorted(ByteLevel.alphabet())
        words = [*alphabet, *(c + "</w>" for c in alphabet), "<|startoftext|>", "<|endoftext|>"]
        vocabulary = {word: number for number, word in enumerate(words)}
        text_encoder = CLIPTextModel(
            CLIPTextConfig(
                vocab_size=len(vocabulary),
                hidden_size=24,
                intermediate_size=48,
                num_hidden_layers=2,
                num_attention_heads=4,
                max_position_embeddings=LENGTH,
                bos_token_id=len(words) - 2,
                eos_token_id=len(words) - 1,
                pad_token_id=0,
            )
        )
        # freshly made transformers start near zero: texts have to matter
        for parameter in text_encoder.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
    unet.to(dtype).save_pretrained(folder / "unet")
    vae.to(dtype).save_pretrained(folder / "vae")
    text_encoder.to(dtype).save_pretrained(folder / "text_encoder")
    DDPMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type=prediction_type,
    ).save_pretrained(folder / "scheduler")
    tokenizer = CLIPTokenizer(
        vocab=vocabulary,
        merges=[],
        pad_token="!",  # noqa: S106 # a token of text
        model_max_length=LENGTH,
    )
    tokenizer.save_pretrained(folder / "tokenizer")
    (folder / "model_index.json").write_text(
        json.dumps({"_class_name": "StableDiffusionPipeline"}), encoding="utf-8"
    )
    return folder


def picture(number: int, side: int = 32) -> Image.Image:
    """A drawing that differs with its number."""
    image = Image.new("RGB", (side, side), (37 * number % 256, 91 * number % 256, 140))
    pen = ImageDraw.Draw(image)
    x = 3 * number % (side // 2)
    pen.ellipse((x, 4, x + side // 2, 4 + side // 2), fill=(200, 30 * number % 256, 60))
    pen.line((0, x, side, side - x), fill=(10, 10, 10), width=2)
    return image
