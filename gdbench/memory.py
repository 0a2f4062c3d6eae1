"""How much memory a device has left, and what it says when it has none."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from gdbench.errors import GdbenchError

if TYPE_CHECKING:
    import torch

R = TypeVar("R")
logger = logging.getLogger(__name__)
MOST_BATCH = 1024
"""No network is faster with more samples at once, and every answer would wait for all of them."""
_OUT_OF_MEMORY = (
    "out of memory",
    "can't allocate memory",
    "cannot allocate memory",
    "not enough memory",
    "failed to allocate",
    "bad allocation",
    "bad_alloc",
    "defaultcpuallocator",
    "cudaerrormemoryallocation",
    "cublas_status_alloc_failed",
    "cudnn_status_alloc_failed",
    "cusolver_status_alloc_failed",
    "cusparse_status_alloc_failed",
    "cufft_alloc_failed",
    # cuDNN, where no algorithm's workspace fits
    "unable to find an engine",
    # MPS
    "invalid buffer size",
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that memory ran out, on any device."""
    if isinstance(error, MemoryError):
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    if not isinstance(error, RuntimeError):
        return False
    # torch has a class of its own for it, a RuntimeError whose text may say less
    text = f"{type(error).__name__} {error}".lower()
    return "outofmemoryerror" in text or any(phrase in text for phrase in _OUT_OF_MEMORY)


def free_memory(device: torch.device) -> int:
    """Free bytes on a device, as far as it can be asked."""
    import torch

    if device.type == "cuda":
        # what torch holds and does not use is free for it
        held = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(torch.cuda.mem_get_info(device)[0]) + held
    if device.type == "mps":
        return int(torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory())
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min(free, _allowed() or free)


def _allowed() -> int | None:
    """Bytes that the container of this process leaves; None without a limit."""
    group = Path("/sys/fs/cgroup")
    try:
        limit = int((group / "memory.max").read_text(encoding="utf-8"))
        used = int((group / "memory.current").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        # no Linux, another version of cgroups, or "max"
        return None
    return max(0, limit - used)


def give_back(device: torch.device) -> None:
    """Return the memory that torch keeps for later to the device."""
    import torch

    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


def attempted(run: Callable[[], R]) -> R | None:
    """What `run` returns; None where memory ran out, with nothing of the attempt left alive.

    An exception holds its frames, and they hold the batch: both are gone when this returns.
    """
    try:
        return run()
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
    return None


def no_room(device: torch.device, what: str) -> GdbenchError:
    """For `what` that does not fit, though nothing runs beside it."""
    return GdbenchError(
        f"out of memory on {device} with a batch of one of {what}: close other programs, or use "
        "--dtype float16 or another --device"
    )


def no_room_for_weights(name: str, options: Sequence[str]) -> GdbenchError:
    """For a model whose weights do not fit; `options` may help."""
    ways = [*options, "a device with more memory"]
    return GdbenchError(
        f"out of memory while {name} was loaded: close other programs, or use {' or '.join(ways)}"
    )


def halved(size: int, device: torch.device, what: str) -> int:
    """A batch size to go on with after memory ran out (see `attempted`).

    `what` names what is in the batches. Raises GdbenchError where even a batch of one did not fit.
    """
    give_back(device)
    if size == 1:
        raise no_room(device, what)
    smaller = size // 2
    logger.warning("out of memory with batches of %d %s, going on with %d", size, what, smaller)
    return smaller


def capped(asked: int, most: int) -> int:
    """The batch size asked for, or what is of use or fits; says so in one line."""
    size = max(1, min(asked, most, MOST_BATCH))
    if size < asked:
        logger.warning("--batch-size %d is more than fits or helps, going on with %d", asked, size)
    return size
