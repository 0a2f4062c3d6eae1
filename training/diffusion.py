"""Go on training a Stable Diffusion of version 1 on the scenes of version 2.

`python -m training.diffusion --work FOLDER --base PIPELINE --out NAME --minutes 45`; what is in
FOLDER/NAME.pt is resumed. The autoencoder stays as it is.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextModel

from gdbench.mini.scenes import COLUMNS, RELATIONS
from training import data
from training.first.attention import full_precision_attention
from training.first.diffusion import DROPPED, LAYOUT_SHARE, MAX_WEIGHT, scheduler, timesteps
from training.first.layout import Layout, layout_loss
from training.first.pipeline import export
from training.first.probe import Matcher
from training.first.tokenizer import MAX_LENGTH
from training.first.tokenizer import build as build_tokenizer
from training.probe import figures
from training.running import Running

BATCH = 32
PEAK = 7e-4
HEAD_ALONE = 200
"""First steps, in which only the layout's decoder learns: it begins with nothing."""


def draws(rows: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    """Return scene numbers, those about places several times, being the hardest."""
    tokenizer = build_tokenizer()
    texts = tokenizer.batch_decode(ids, skip_special_tokens=True)
    times = torch.tensor([_times(text.strip()) for text in texts])
    return torch.arange(len(rows)).repeat_interleave(times[rows[:, 0]])


def _times(text: str) -> int:
    if text.rsplit(" ", 1)[-1] in COLUMNS:
        return 2
    return 2 if any(f" {relation} " in text for relation in RELATIONS) else 1


def loss(
    unet: UNet2DConditionModel,
    prompt: torch.Tensor,
    head: Layout,
    clean: torch.Tensor,
    signal: torch.Tensor,
) -> torch.Tensor:
    """Return the weighted error of the predicted noise, and a share of the layout's."""
    noise, t = torch.randn_like(clean), timesteps(len(clean))
    alpha = signal[t].view(-1, 1, 1, 1)
    noisy = alpha.sqrt() * clean + (1 - alpha).sqrt() * noise
    with torch.autocast("cpu", torch.bfloat16):
        predicted = unet(noisy, t, prompt).sample
    weight = ((1 - alpha) / alpha).sqrt().clamp(1.0, MAX_WEIGHT)
    error: torch.Tensor = (weight * (predicted.float() - noise).square()).mean()
    return error + LAYOUT_SHARE * layout_loss(prompt.float(), head, clean)


def train(work: Path, base: Path, name: str, *, minutes: float, peak: float, seed: int) -> None:
    """Train until `minutes` are spent, all resumed runs together."""
    full_precision_attention()
    vae = AutoencoderKL.from_pretrained(base / "vae", torch_dtype=torch.float32).eval()
    unet = UNet2DConditionModel.from_pretrained(base / "unet", torch_dtype=torch.float32)
    unet = unet.train().to(memory_format=torch.channels_last)
    text = CLIPTextModel.from_pretrained(base / "text_encoder", dtype=torch.float32).train()
    torch.manual_seed(seed)
    head = Layout(text.config.hidden_size, vae.config.latent_channels)
    run = Running(work, name, (unet, text, head), peak, seed)
    means = data.latents(work / "data")
    ids, rows = data.captions(work / "data")
    chances = draws(rows, ids)
    print(f"{name}: {len(rows)} scenes, {len(ids)} captions, step {run.step}", flush=True)
    empty = torch.tensor(
        build_tokenizer()([""], padding="max_length", max_length=MAX_LENGTH).input_ids
    )
    signal, scale = scheduler().alphas_cumprod, float(vae.config.scaling_factor)

    def batch() -> torch.Tensor:
        chosen = chances[torch.randint(0, len(chances), (BATCH,))]
        captions = ids[rows[chosen, torch.randint(0, rows.shape[1], (BATCH,))]]
        clean = means[chosen].float() * scale
        if run.step < HEAD_ALONE:
            with torch.no_grad():
                prompt = text(captions).last_hidden_state
            return layout_loss(prompt, head, clean)
        captions = torch.where(torch.rand(BATCH, 1) < DROPPED, empty, captions)
        with torch.autocast("cpu", torch.bfloat16):
            prompt = text(captions).last_hidden_state
        return loss(unet, prompt, head, clean, signal)

    def probe(parts: list[Any]) -> str:
        matcher = Matcher(vae, parts[0], parts[1], signal, timesteps=10)
        return f"validation: {figures(matcher.matrices, 24)}"

    def write(parts: list[Any]) -> None:
        export(work / name, vae, parts[0], parts[1], scheduler())

    run.train(minutes, batch, write, probe)


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--base", type=Path, default=Path("gdbench/mini/weights/mini-sd"))
    parser.add_argument("--out", default="mini-sd", help="name of the model")
    parser.add_argument("--minutes", type=float, default=45)
    parser.add_argument("--peak", type=float, default=PEAK, help="peak learning rate")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    torch.set_num_threads(1)
    train(
        given.work, given.base, given.out, minutes=given.minutes, peak=given.peak, seed=given.seed
    )


if __name__ == "__main__":
    main()
