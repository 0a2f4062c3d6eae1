"""Floating-point operations of a call, by torch's counter."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

SHORT: Final = "a picture"
LONG: Final = "a picture of " + " and ".join(["one small red cube on top of the blue ball"] * 12)
"""Two captions between which a text encoder shows whether its work depends on the length."""
_ATTENTION: Final = (
    # on the CPU: torch 2.7 has no formula for it
    "_scaled_dot_product_flash_attention_for_cpu",
    # on MPS and on other accelerators: no torch has
    "_scaled_dot_product_attention_math_for_mps",
    "_scaled_dot_product_fused_attention_overrideable",
)
"""Kernels of attention that some torch counts as nothing."""


def counted(call: Callable[[], object]) -> int:
    """Operations of the matrix products, convolutions and attention in a call, which is run once.

    A multiplication with its addition counts as two.
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode, flop_registry, sdpa_flop_count

    def attention(query: object, key: object, value: object, *_: object, **__: object) -> int:
        """Operations by shapes (B, heads, tokens, width)."""
        return int(sdpa_flop_count(query, key, value))  # type: ignore[no-untyped-call] # torch's

    kernels = [getattr(torch.ops.aten, name) for name in _ATTENTION]
    missing = {kernel: attention for kernel in kernels if kernel not in flop_registry}
    fast = torch.backends.mha.get_fastpath_enabled()
    # a fused layer has no formula and would count as nothing
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with (
            torch.compiler.set_stance("force_eager"),
            torch.no_grad(),
            FlopCounterMode(display=False, custom_mapping=missing) as counter,
        ):
            call()
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
    return int(counter.get_total_flops())


def same(counts: Iterable[int]) -> int | None:
    """The one count that all are; None where they differ."""
    different = set(counts)
    return different.pop() if len(different) == 1 else None
