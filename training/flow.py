"""Train mini-flow: a flow-matching transformer in the layout of Stable Diffusion 3.

`python -m training.flow --work FOLDER --minutes 35`; `--start PIPELINE` goes on from a mini-flow's
weights with a fresh optimiser. The autoencoder is mini-sd's; the first text
encoder starts from that of the pipeline `--base`, the second and the transformer from nothing.
There is no T5: the pipeline then puts zeros after the words, here `ZEROS` of them.
"""

from __future__ import annotations

import argparse
import copy
import json
import shutil
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    FlowMatchEulerDiscreteScheduler,
    SD3Transformer2DModel,
    StableDiffusion3Pipeline,
)
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from gdbench.metrics.denoising import score_matrix
from gdbench.protocol import Item
from training import data
from training.diffusion import draws
from training.first.attention import full_precision_attention
from training.first.probe import Pair, drawn, encode_pictures
from training.first.tokenizer import MAX_LENGTH
from training.first.tokenizer import build as build_tokenizer
from training.probe import figures
from training.running import Running

BATCH = 48
PEAK = 1.2e-3
DROPPED = 0.1
ZEROS = 8
"""Tokens of the missing third encoder; `--max-length` of the harness."""
WIDTH, SECOND = 128, 64


def transformer() -> SD3Transformer2DModel:
    """Return the untrained network."""
    return SD3Transformer2DModel(
        sample_size=8,
        patch_size=2,
        in_channels=8,
        out_channels=8,
        num_layers=6,
        attention_head_dim=32,
        num_attention_heads=WIDTH // 32,
        joint_attention_dim=WIDTH + SECOND,
        caption_projection_dim=WIDTH,
        pooled_projection_dim=WIDTH + SECOND,
        pos_embed_max_size=8,
        qk_norm="rms_norm",
    )


def first_encoder(base: Path) -> CLIPTextModelWithProjection:
    """Return the text encoder of a Stable Diffusion with a projection that is not trained yet."""
    old = CLIPTextModel.from_pretrained(base / "text_encoder", dtype=torch.float32)
    new = CLIPTextModelWithProjection(old.config)
    new.text_model.load_state_dict(old.state_dict())
    _same(old, new)
    return new


def _same(old: CLIPTextModel, new: CLIPTextModelWithProjection) -> None:
    """Raises ValueError where the weights did not arrive."""
    ids = torch.tensor(build_tokenizer()(["a red circle"]).input_ids)
    with torch.inference_mode():
        if not torch.equal(old(ids).last_hidden_state, new(ids).last_hidden_state):
            msg = "the text encoder's weights have other names"
            raise ValueError(msg)


def second_encoder() -> CLIPTextModelWithProjection:
    """Return a smaller text encoder that begins with nothing."""
    tokenizer = build_tokenizer()
    return CLIPTextModelWithProjection(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=SECOND,
            intermediate_size=2 * SECOND,
            projection_dim=SECOND,
            num_hidden_layers=3,
            num_attention_heads=2,
            max_position_embeddings=MAX_LENGTH,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def trained(
    folder: Path,
) -> tuple[SD3Transformer2DModel, CLIPTextModelWithProjection, CLIPTextModelWithProjection]:
    """Return network and encoders of a mini-flow on disk, in float32."""
    network = SD3Transformer2DModel.from_pretrained(
        folder, subfolder="transformer", torch_dtype=torch.float32
    )
    first, second = (
        CLIPTextModelWithProjection.from_pretrained(folder, subfolder=name, dtype=torch.float32)
        for name in ("text_encoder", "text_encoder_2")
    )
    return network.train(), first.train(), second.train()


def condition(
    first: torch.nn.Module, second: torch.nn.Module, ids: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return token embeddings (n, length + ZEROS, width) and pooled ones, as the pipeline does."""
    outs = [encoder(ids, output_hidden_states=True) for encoder in (first, second)]
    words = torch.cat([out.hidden_states[-2] for out in outs], dim=-1)
    words = torch.cat([words, words.new_zeros(len(ids), ZEROS, words.shape[-1])], dim=1)
    return words, torch.cat([out.text_embeds for out in outs], dim=-1)


def scheduler() -> FlowMatchEulerDiscreteScheduler:
    """Return the schedule of Stable Diffusion 3, without its shift for large pictures."""
    return FlowMatchEulerDiscreteScheduler(num_train_timesteps=1000, shift=1.0)


class Matcher:
    """Errors of the predicted flow for images and texts, the same noise for all of them."""

    def __init__(self, vae: AutoencoderKL, parts: list[torch.nn.Module], steps: int = 10) -> None:
        """Lay an even grid of noise levels and draw one noise for each."""
        self.vae, (self.network, self.first, self.second) = vae, parts
        self.grid = torch.linspace(0.05, 0.95, steps)
        self.noise = torch.randn((steps, 8, 8, 8), generator=torch.Generator().manual_seed(0))
        self.tokenizer = build_tokenizer()

    @torch.inference_mode()
    def errors(self, images: torch.Tensor, texts: list[str]) -> torch.Tensor:
        """Return mean L2 errors (n,) of latents (n, 8, 8, 8) with one text each."""
        told = self.tokenizer(texts, padding="max_length", max_length=MAX_LENGTH)
        words, pooled = condition(self.first, self.second, torch.tensor(told.input_ids))
        total = torch.zeros(len(images))
        for level, noise in zip(self.grid, self.noise, strict=True):
            noisy = (1 - level) * images + level * noise
            times = (1000 * level).expand(len(images))
            out = self.network(noisy, words, pooled, times).sample
            total += (out - (noise - images)).flatten(1).norm(dim=1)
        return total / len(self.grid)

    def matrices(self, items: list[Item]) -> list[Pair]:
        """Return naive and normalised scores of each item."""
        found = []
        for item in items:
            images = encode_pictures(self.vae, drawn(item))
            texts = [*item.texts, *([""] if len(images) > 1 else [])]
            pairs = [(k, text) for k in range(len(images)) for text in texts]
            flat = self.errors(images[[k for k, _ in pairs]], [text for _, text in pairs])
            means = flat.reshape(len(images), len(texts), 1).numpy()
            base = means[:, -1] if len(images) > 1 else None
            errors = means[:, : len(item.texts)]
            found.append((score_matrix(errors, None, normalise=False), score_matrix(errors, base)))
        return found


def export(folder: Path, vae: AutoencoderKL, parts: list[Any]) -> None:
    """Write `folder` as `StableDiffusion3Pipeline.from_pretrained` reads it, in float16."""
    network, first, second = parts
    vae = copy.deepcopy(vae)
    vae.register_to_config(shift_factor=0.0)
    pipeline = StableDiffusion3Pipeline(
        transformer=network,
        scheduler=scheduler(),
        vae=vae,
        text_encoder=first,
        tokenizer=build_tokenizer(),
        text_encoder_2=second,
        tokenizer_2=build_tokenizer(),
        text_encoder_3=None,
        tokenizer_3=None,
    ).to(torch.float16)
    new = folder.with_name(folder.name + ".new")
    shutil.rmtree(new, ignore_errors=True)
    pipeline.save_pretrained(new)
    # the public layout names every part, also those that are not there
    index = json.loads((new / "model_index.json").read_text())
    absent = ("text_encoder_3", "tokenizer_3", "feature_extractor", "image_encoder")
    index |= {name: [None, None] for name in absent}
    (new / "model_index.json").write_text(json.dumps(index, indent=2, sort_keys=True) + "\n")
    shutil.rmtree(folder, ignore_errors=True)
    new.replace(folder)


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--base", type=Path, default=Path("gdbench/mini/weights/mini-sd"))
    parser.add_argument("--start", type=Path, help="a mini-flow whose weights to go on from")
    parser.add_argument("--minutes", type=float, default=35)
    parser.add_argument("--peak", type=float, default=PEAK, help="peak learning rate")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    torch.set_num_threads(1)
    full_precision_attention()
    torch.manual_seed(given.seed)
    if given.start:
        network, first, second = trained(given.start)
    else:
        network, first, second = transformer(), first_encoder(given.base), second_encoder()
    run = Running(given.work, "mini-flow", (network, first, second), given.peak, given.seed)
    vae = AutoencoderKL.from_pretrained(given.base / "vae", torch_dtype=torch.float32).eval()
    means = data.latents(given.work / "data")
    ids, rows = data.captions(given.work / "data")
    chances = draws(rows, ids)
    empty = torch.tensor(
        build_tokenizer()([""], padding="max_length", max_length=MAX_LENGTH).input_ids
    )
    scale = float(vae.config.scaling_factor)

    def loss() -> torch.Tensor:
        chosen = chances[torch.randint(0, len(chances), (BATCH,))]
        captions = ids[rows[chosen, torch.randint(0, rows.shape[1], (BATCH,))]]
        captions = torch.where(torch.rand(BATCH, 1) < DROPPED, empty, captions)
        clean = means[chosen].float() * scale
        noise = torch.randn_like(clean)
        level = torch.sigmoid(0.4 + torch.randn(BATCH))
        w = level.view(-1, 1, 1, 1)
        with torch.autocast("cpu", torch.bfloat16):
            words, pooled = condition(first, second, captions)
            out = network((1 - w) * clean + w * noise, words, pooled, 1000 * level).sample
        error: torch.Tensor = (out.float() - (noise - clean)).square().mean()
        return error

    run.train(
        given.minutes,
        loss,
        lambda parts: export(given.work / "mini-flow", vae, parts),
        lambda parts: f"validation: {figures(Matcher(vae, parts).matrices, 24)}",
    )


if __name__ == "__main__":
    main()
