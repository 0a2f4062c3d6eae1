"""Two one-thread processes on one batch: `torchrun --nproc-per-node 2 -m training.first …`."""

from __future__ import annotations

import os

import torch
import torch.distributed as dist


def start() -> tuple[int, int]:
    """Join the other processes, if there are any; return our rank and how many we are."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world > 1 and not dist.is_initialized():
        dist.init_process_group("gloo")
    return int(os.environ.get("RANK", "0")), world


@torch.no_grad()
def average_gradients(modules: list[torch.nn.Module], world: int) -> None:
    """Replace every gradient with its mean over the processes."""
    if world == 1:
        return
    gradients = [p.grad for m in modules for p in m.parameters() if p.grad is not None]
    flat = torch.cat([g.reshape(-1) for g in gradients])
    dist.all_reduce(flat)
    flat /= world
    parts = torch.split(flat, [g.numel() for g in gradients])
    for gradient, part in zip(gradients, parts, strict=True):
        gradient.copy_(part.view_as(gradient))


def agree(value: float, world: int) -> float:
    """Return the first process's `value` in all of them."""
    if world == 1:
        return value
    shared = torch.tensor([value], dtype=torch.float64)
    dist.broadcast(shared, 0)
    return float(shared)
