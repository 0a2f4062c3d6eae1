"""Device and precision, chosen by what the machine can do."""

from __future__ import annotations

import torch

from gdbench.errors import InputError

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


def choose_device(wanted: str | torch.device | None) -> torch.device:
    """The device of that name, or the best there is. Raises InputError where it is not there."""
    if wanted is None or wanted == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(wanted)
    except RuntimeError:
        raise InputError(f"--device {wanted}: expected cpu, cuda, cuda:1 or mps") from None
    there = {
        "cpu": True,
        "cuda": torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count(),
        "mps": torch.backends.mps.is_available(),
    }
    if not there.get(device.type, False):
        raise InputError(f"--device {wanted}: not available here; try --device cpu")
    return device


def choose_dtype(wanted: str | torch.dtype | None, device: torch.device) -> torch.dtype:
    """Precision of the U-Net: float16 on cuda, float32 elsewhere, unless asked for another.

    float16 rather than bfloat16, whose 8 bits of mantissa are coarse beside the differences
    between captions. Raises InputError for a name or device that does not fit.
    """
    if wanted is None or wanted == "auto":
        return torch.float16 if device.type == "cuda" else torch.float32
    dtype = wanted if isinstance(wanted, torch.dtype) else DTYPES.get(wanted)
    if dtype is None or dtype not in DTYPES.values():
        raise InputError(f"--dtype {wanted}: expected {', '.join(DTYPES)}")
    if dtype is torch.bfloat16 and device.type == "cuda" and not torch.cuda.is_bf16_supported():
        raise InputError(f"--dtype bfloat16: {device} does not support it; use float16")
    return dtype


def default_memory_format(device: torch.device, dtype: torch.dtype) -> torch.memory_format:
    """channels_last where convolutions run on tensor cores, the plain format elsewhere."""
    if device.type == "cuda" and dtype in (torch.float16, torch.bfloat16):
        return torch.channels_last
    return torch.contiguous_format
