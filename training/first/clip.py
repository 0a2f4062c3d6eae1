"""Train the small CLIP with open_clip, and write it as open_clip's `local-dir:` loads it."""
# ruff: noqa: PLR2004 - shares of a random draw are clearest where they are drawn

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from open_clip import CLIP, ClipLoss
from safetensors.torch import save_file

from gdbench.mini.background import SIDE
from training.first.attention import full_precision_attention
from training.first.data import draw, to_tensor, tokens
from training.first.schedule import cosine
from training.first.tokenizer import MAX_LENGTH
from training.first.tokenizer import build as build_tokenizer
from training.first.tokenizer import save as save_tokenizer

BATCH = 96
RATE = 1e-3


def configuration() -> dict[str, Any]:
    """Return the model part of open_clip's configuration."""
    tokenizer = build_tokenizer()
    return {
        "embed_dim": 128,
        "vision_cfg": {
            "image_size": SIDE,
            "patch_size": 8,
            "width": 128,
            "head_width": 32,
            "layers": 3,
            "mlp_ratio": 3.0,
        },
        "text_cfg": {
            "context_length": MAX_LENGTH,
            "vocab_size": len(tokenizer),
            "hf_tokenizer_name": "mini-clip",  # any name: the folder's own files are read
            "width": 128,
            "heads": 4,
            "layers": 2,
            "mlp_ratio": 3.0,
            "pad_id": tokenizer.pad_token_id,
        },
    }


def build() -> CLIP:
    """Return the untrained model."""
    parts = configuration()
    return CLIP(parts["embed_dim"], parts["vision_cfg"], parts["text_cfg"])


def train(folder: Path, *, minutes: float, scenes: int = 100_000, resume: bool = False) -> None:
    """Train until `minutes` of wall clock are spent, all runs together; write mini-clip."""
    drawn = [draw(folder, scenes, shard=shard, shards=2) for shard in (0, 1)]
    half = len(drawn[0][0])
    ids, rows = tokens(drawn[0][1] + drawn[1][1])
    full_precision_attention()
    torch.manual_seed(0)
    model = build()
    optimizer = torch.optim.AdamW(model.parameters(), RATE, betas=(0.9, 0.98), weight_decay=0.05)
    state_file, step, before = folder / "clip.pt", 0, 0.0
    if resume and state_file.exists():
        state = torch.load(state_file, weights_only=True)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        step, before = state["step"], state["spent"]
    rng = np.random.RandomState(step)
    criterion = ClipLoss()
    started = saved_at = time.monotonic()
    spent = before
    while spent < minutes * 60:
        rate = cosine(step, spent / (minutes * 60), RATE, warm_up=100)
        for group in optimizer.param_groups:
            group["lr"] = rate
        chosen = rng.randint(0, len(rows), BATCH)
        pixels = np.stack([drawn[int(i >= half)][0][i % half] for i in chosen])
        captions = ids[rows[torch.from_numpy(chosen), torch.randint(0, rows.shape[1], (BATCH,))]]
        with torch.autocast("cpu", torch.bfloat16):
            image, text, scale = model(to_tensor(pixels), captions)
        loss = criterion(image.float(), text.float(), scale.float())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        with torch.no_grad():
            model.logit_scale.clamp_(0, 4.6)
        step += 1
        now = time.monotonic()
        spent = before + now - started
        if step % 50 == 0:
            print(f"clip step {step} {spent:.0f}s loss {float(loss.detach()):.3f}", flush=True)
        if spent >= minutes * 60 or now - saved_at > 90:
            saved_at = now
            state = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
            torch.save(state | {"step": step, "spent": spent}, state_file)
            export(model, folder / "mini-clip")


def export(model: CLIP, folder: Path) -> None:
    """Write float16 weights, configuration and tokenizer files."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: w.detach().half().contiguous() for name, w in model.state_dict().items()}
    save_file(weights, folder / "open_clip_model.safetensors", metadata={"format": "pt"})
    half = [0.5, 0.5, 0.5]
    preprocess = {"mean": half, "std": half, "interpolation": "bicubic", "resize_mode": "shortest"}
    everything = {"model_cfg": configuration(), "preprocess_cfg": preprocess}
    (folder / "open_clip_config.json").write_text(json.dumps(everything, indent=2) + "\n")
    save_tokenizer(folder)
