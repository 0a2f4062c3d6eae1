"""Train the AutoencoderKL: 64x64 RGB to 8x8 latents of 8 channels."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL

from training.first.data import draw, encode, to_tensor
from training.first.parallel import agree, average_gradients, start
from training.first.schedule import cosine

CHANNELS = (16, 32, 64, 64)
LATENT_CHANNELS = 8
BATCH = 12  # per process
KL_WEIGHT = 2e-4
RATE = 2e-3


def build() -> AutoencoderKL:
    """Return the untrained autoencoder."""
    return AutoencoderKL(
        in_channels=3,
        out_channels=3,
        down_block_types=("DownEncoderBlock2D",) * len(CHANNELS),
        up_block_types=("UpDecoderBlock2D",) * len(CHANNELS),
        block_out_channels=CHANNELS,
        layers_per_block=1,
        latent_channels=LATENT_CHANNELS,
        norm_num_groups=8,
        sample_size=64,
        mid_block_add_attention=False,
    )


def train(folder: Path, *, minutes: float, scenes: int = 40_000, resume: bool = False) -> None:
    """Train for `minutes` of wall clock; writes `folder`/vae with its measured scaling factor."""
    rank, world = start()
    torch.manual_seed(0)
    pixels, _ = draw(folder, scenes)
    vae = build()
    optimizer = torch.optim.AdamW(vae.parameters(), RATE, betas=(0.9, 0.98), weight_decay=0.0)
    state_file, step, spent = folder / "vae.pt", 0, 0.0
    if resume and state_file.exists():
        state = torch.load(state_file, weights_only=True)
        vae.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        step = state["step"]
    rng = np.random.RandomState(step * world + rank)
    torch.manual_seed(rank + 1)
    started = time.monotonic()
    while spent < minutes * 60:
        rate = cosine(step, spent / (minutes * 60), RATE, warm_up=100)
        for group in optimizer.param_groups:
            group["lr"] = rate
        rows = np.sort(rng.randint(0, len(pixels) - 512, BATCH))
        images = to_tensor(pixels[rows])
        with torch.autocast("cpu", torch.bfloat16):
            posterior = vae.encode(images).latent_dist
            decoded = vae.decode(posterior.sample()).sample
        error = decoded.float() - images
        kl = posterior.kl().float().mean() / posterior.mean[0].numel()
        loss = error.abs().mean() + error.square().mean() + KL_WEIGHT * kl
        loss.backward()
        average_gradients([vae], world)
        torch.nn.utils.clip_grad_norm_(vae.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        step += 1
        spent = agree(time.monotonic() - started, world)
        if rank > 0:
            continue
        if step % 50 == 0:
            mse = float(error.detach().square().mean())
            print(f"vae step {step} {spent:.0f}s mse {mse:.4f} kl {float(kl):.2f}", flush=True)
        if step % 500 == 0 or spent >= minutes * 60:
            state = {"model": vae.state_dict(), "optimizer": optimizer.state_dict(), "step": step}
            torch.save(state, state_file)
    if rank == 0:
        _finish(vae, folder, pixels, step)


def _finish(vae: AutoencoderKL, folder: Path, pixels: np.ndarray, step: int) -> None:
    """Measure the latents and the reconstruction on the last 512 scenes, not trained on; save."""
    held = np.ascontiguousarray(pixels[-512:])
    latents = encode(vae, held).float()
    vae.register_to_config(scaling_factor=round(1.0 / float(latents.std()), 5))
    with torch.inference_mode():
        error = vae.decode(latents).sample - to_tensor(held)
    figures = {
        "steps": step,
        "n": len(held),
        "reconstruction_mse": float(error.square().mean()),
        "latent_std": float(latents.std()),
        "latent_mean": float(latents.mean()),
    }
    vae.save_pretrained(str(folder / "vae"))
    (folder / "vae.json").write_text(json.dumps(figures, indent=1))
    print(figures, flush=True)
