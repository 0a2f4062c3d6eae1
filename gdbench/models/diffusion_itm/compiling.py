"""Whether compiling a network pays."""

from __future__ import annotations

from typing import Final

BY_ITSELF: Final = ("cuda",)
"""Kinds of devices on which a network is compiled where nobody said whether to."""
COMPILE_SECONDS: Final = 60.0
"""About what torch takes to compile a network for one shape on a GPU, in each process."""
EAGER: Final = 115.0
COMPILED: Final = 150.0
"""Passes a second of a Stable Diffusion at 512 pixels on an A100: diffusers' own figures."""
PASS_FLOPS: Final = 804.3e9
"""Operations of such a pass, counted by torch."""
BREAK_EVEN_FLOPS: Final = COMPILE_SECONDS / (1 / EAGER - 1 / COMPILED) * PASS_FLOPS
"""Operations from which on the time saved is more than compiling takes: 30,000 such passes.

Counted and never timed, so that a run that goes on decides as the one that began it.
"""


def pays(passes: int, pass_flops: int) -> bool:
    """Whether to compile for so many passes of so many operations each."""
    return passes * pass_flops >= BREAK_EVEN_FLOPS
