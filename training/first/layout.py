"""Teach the text encoder what is where, before and while the U-Net learns from it.

A Stable Diffusion takes a text encoder that was trained before (CLIP's). Ours begins with nothing,
and noise hides how a sentence places things: after 5,657 steps of noise prediction alone the order
in "a red circle left of a blue square" was still not used. So a small decoder, thrown away later,
draws the latents of a scene from the token embeddings alone.
"""

from __future__ import annotations

import time
from pathlib import Path

import torch
from diffusers import AutoencoderKL
from torch import nn
from transformers import CLIPTextModel

from gdbench.mini.heldout import heldout
from training.first.attention import full_precision_attention
from training.first.data import latents
from training.first.parallel import agree, average_gradients, start
from training.first.probe import drawn, encode_pictures
from training.first.schedule import cosine
from training.first.tokenizer import MAX_LENGTH
from training.first.tokenizer import build as build_tokenizer

SIDE = 8
BATCH = 128  # per process
RATE = 1e-3


class Layout(nn.Module):
    """Latents (n, channels, 8, 8) from token embeddings (n, length, width)."""

    def __init__(self, width: int, channels: int) -> None:
        """Make one learned query for each place, and two layers that let it read the sentence."""
        super().__init__()
        self.places = nn.Parameter(torch.randn(SIDE * SIDE, width) * 0.5)
        layer = nn.TransformerDecoderLayer(
            width, 4, 2 * width, dropout=0.0, batch_first=True, norm_first=True
        )
        self.decoder = nn.TransformerDecoder(layer, 2)
        self.out = nn.Linear(width, channels)

    def forward(self, prompt: torch.Tensor) -> torch.Tensor:
        """Return the expected latents."""
        places = self.places.expand(len(prompt), -1, -1)
        cells: torch.Tensor = self.out(self.decoder(places, prompt))
        return cells.transpose(1, 2).reshape(len(prompt), -1, SIDE, SIDE)


def train(folder: Path, text: CLIPTextModel, *, minutes: float, scenes: int = 100_000) -> None:
    """Train `text` (in place) and a decoder for `minutes`; write both to `folder`/layout.pt."""
    rank, world = start()
    vae = AutoencoderKL.from_pretrained(folder / "vae")
    means, ids, rows, draws = latents(folder, vae, scenes)
    full_precision_attention()
    torch.manual_seed(0)
    head = Layout(text.config.hidden_size, means.shape[1])
    modules: list[nn.Module] = [text, head]
    parameters = [p for m in modules for p in m.parameters()]
    optimizer = torch.optim.AdamW(parameters, RATE, betas=(0.9, 0.98), weight_decay=0.01)
    torch.manual_seed(1 + rank)
    started = time.monotonic()
    spent, running, step = 0.0, 1.0, 0
    while spent < minutes * 60:
        for group in optimizer.param_groups:
            group["lr"] = cosine(step, spent / (minutes * 60), RATE, warm_up=200)
        chosen = draws[torch.randint(0, len(draws), (BATCH,))]
        captions = ids[rows[chosen, torch.randint(0, rows.shape[1], (BATCH,))]]
        loss = layout_loss(text(captions).last_hidden_state, head, means[chosen].float())
        torch.autograd.backward(loss)
        average_gradients(modules, world)
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        step += 1
        running += (float(loss.detach()) - running) * 0.01
        spent = agree(time.monotonic() - started, world)
        if rank == 0 and (step % 400 == 0 or spent >= minutes * 60):
            figures = {k: accuracy(vae, text, head, k) for k in ("binding", "relation", "spatial")}
            print(
                f"layout step {step} {spent:.0f}s loss {running:.4f} held out, n=400: {figures}",
                flush=True,
            )
    if rank == 0:
        torch.save({"text": text.state_dict(), "head": head.state_dict()}, folder / "layout.pt")


def layout_loss(prompt: torch.Tensor, head: Layout, clean: torch.Tensor) -> torch.Tensor:
    """Return the mean squared error of the latents drawn from the sentence alone."""
    loss: torch.Tensor = (head(prompt) - clean).square().mean()
    return loss


@torch.inference_mode()
def accuracy(
    vae: AutoencoderKL, text: CLIPTextModel, head: Layout, kind: str, n: int = 400
) -> float:
    """Return how often the true text of a held-out item draws the nearer latents."""
    items = list(heldout(kind, n))
    clean = encode_pictures(vae, [drawn(item)[0] for item in items])
    texts = [text_ for item in items for text_ in item.texts]
    ids = build_tokenizer()(texts, padding="max_length", max_length=MAX_LENGTH, return_tensors="pt")
    guess = head(text(ids.input_ids).last_hidden_state).unflatten(0, (len(items), -1))
    errors = (guess - clean[:, None]).square().flatten(2).mean(2)
    gold = torch.tensor([item.gold[0] for item in items])
    return float((errors.argmin(1) == gold).float().mean())
