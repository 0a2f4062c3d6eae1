"""Floating-point operations of a call, by torch's counter."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

SHORT: Final = "a picture"
LONG: Final = "a picture of " + " and ".join(["one small red cube on top of the blue ball"] * 12)
"""Two captions between which a text encoder shows whether its work depends on the length."""


def counted(call: Callable[[], object]) -> int:
    """Operations of the matrix products, convolutions and attention in a call, which is run once.

    A multiplication with its addition counts as two.
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    fast = torch.backends.mha.get_fastpath_enabled()
    # a fused layer has no formula and would count as nothing
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with (
            torch.compiler.set_stance("force_eager"),
            torch.no_grad(),
            FlopCounterMode(display=False) as counter,
        ):
            call()
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
    return int(counter.get_total_flops())


def same(counts: Iterable[int]) -> int | None:
    """The one count that all are; None where they differ."""
    different = set(counts)
    return different.pop() if len(different) == 1 else None
