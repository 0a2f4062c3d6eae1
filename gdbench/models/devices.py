"""Device and precision, chosen by what the machine can do."""

from __future__ import annotations

import torch

from gdbench.errors import InputError

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


def choose_device(wanted: str | torch.device | None) -> torch.device:
    """The device of that name, or the best there is. Raises InputError where it is not there."""
    if torch.cuda.is_available():
        be_exact()
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


def advice_for(dtype: torch.dtype) -> str:
    """What may help where numbers are not finite: only what was not run."""
    if dtype is torch.float32:
        return "; its weights or its configuration may be damaged"
    return f" in {str(dtype).removeprefix('torch.')}; try --dtype float32"


def be_exact() -> None:
    """Arithmetic on CUDA as precise as its name says.

    By default convolutions in float32 round their inputs to TF32's 10 bits, and matrix products in
    half precision may add up in half precision: errors then move by 2 to 5e-4, as much as captions
    differ by.
    """
    torch.backends.cudnn.allow_tf32 = False
    products = torch.backends.cuda.matmul
    products.allow_tf32 = False
    products.allow_fp16_reduced_precision_reduction = False
    products.allow_bf16_reduced_precision_reduction = False


def default_memory_format(device: torch.device, dtype: torch.dtype) -> torch.memory_format:
    """channels_last where convolutions run on tensor cores, the plain format elsewhere."""
    if device.type == "cuda" and dtype in (torch.float16, torch.bfloat16):
        return torch.channels_last
    return torch.contiguous_format
