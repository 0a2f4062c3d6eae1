"""Attention in float32 below bfloat16 autocast: on CPUs its bfloat16 gradient is very slow."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

_fused = functional.scaled_dot_product_attention


def _full_precision(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, *rest: Any, **named: Any
) -> torch.Tensor:
    with torch.autocast("cpu", enabled=False):
        return _fused(query.float(), key.float(), value.float(), *rest, **named)


def full_precision_attention() -> None:
    """Make diffusers' and transformers' attention run in float32 in this process."""
    functional.scaled_dot_product_attention = _full_precision
