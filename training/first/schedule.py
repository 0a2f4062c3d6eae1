"""The learning rate over a run, and a moving average of weights."""

from __future__ import annotations

import math

import torch


def cosine(step: int, share: float, peak: float, *, warm_up: int) -> float:
    """Return the rate at `step`, with `share` (0..1) of the run spent: warm-up, then cosine."""
    floor = 0.02
    decay = floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * min(share, 1.0)))
    return peak * min(1.0, (step + 1) / warm_up) * decay


class Average:
    """An exponential moving average of a module's parameters, in float32."""

    def __init__(self, module: torch.nn.Module, decay: float) -> None:
        """Start from the module's weights as they are."""
        self.decay = decay
        self.weights = {name: p.detach().clone() for name, p in module.named_parameters()}

    @torch.no_grad()
    def update(self, module: torch.nn.Module, step: int) -> None:
        """Move towards the module's weights; faster in the first steps."""
        decay = min(self.decay, (1 + step) / (10 + step))
        mine = list(self.weights.values())
        theirs = [p.detach() for _, p in module.named_parameters()]
        torch._foreach_lerp_(mine, theirs, 1 - decay)

    @torch.no_grad()
    def restore(self, weights: dict[str, torch.Tensor]) -> None:
        """Go on from saved weights."""
        for name, mine in self.weights.items():
            mine.copy_(weights[name])
