"""Devices, what each can compute in which precision, and what would be chosen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil
import torch

from gdbench.doctor.findings import Finding
from gdbench.environment import device_name
from gdbench.models.devices import DTYPES, be_exact, choose_device, choose_dtype
from gdbench.numbers import size_in_bytes

_BOUNDS = {"float32": 1e-5, "float16": 5e-3, "bfloat16": 5e-2}
"""Largest relative error of the trial; in float32 the 10 bits of TF32 would exceed it."""
_LITTLE_MEMORY = 8 * 2**30


def findings() -> Iterator[Finding]:
    """Each device with its memory and precisions, and which of them a run would use."""
    memory = psutil.virtual_memory()
    cpu = f"cpu: {device_name('cpu') or 'unknown processor'}, {torch.get_num_threads()} threads"
    yield Finding("ok", f"{cpu}, {size_in_bytes(memory.available)} of "
                        f"{size_in_bytes(memory.total)} memory free.")  # fmt: skip
    yield from _precisions(torch.device("cpu"))
    if torch.cuda.is_available():
        be_exact()
        for index in range(torch.cuda.device_count()):
            yield from _cuda(index)
    else:
        yield from _why_no_cuda()
    if torch.backends.mps.is_available():
        yield Finding("ok", "mps: Apple's GPU.")
        yield from _precisions(torch.device("mps"))
    device = choose_device(None)
    dtype = str(choose_dtype(None, device)).removeprefix("torch.")
    yield Finding("ok", f"A run without --device and --dtype uses {device} and {dtype}.")


def _cuda(index: int) -> Iterator[Finding]:
    name = f"cuda:{index}"
    try:
        free, total = torch.cuda.mem_get_info(index)
    except RuntimeError as error:
        yield Finding("fail", f"{name}: {_first_line(error)}", "Use another --device.")
        return
    short = free < _LITTLE_MEMORY
    yield Finding(
        "note" if short else "ok",
        f"{name}: {device_name(name)}, {size_in_bytes(free)} of {size_in_bytes(total)} free.",
        "Large models may not fit: see `nvidia-smi` for what uses it." if short else "",
    )
    yield from _precisions(torch.device(name))


def _why_no_cuda() -> Iterator[Finding]:
    """A GPU that the driver shows and torch does not see has a reason."""
    if not Path("/dev/nvidiactl").exists():
        return
    if torch.version.cuda is None:
        yield Finding(
            "note",
            "There is an NVIDIA driver, and torch was built without CUDA.",
            "Install a CUDA build of torch to use the GPU.",
        )
    else:
        yield Finding(
            "note",
            f"There is an NVIDIA driver, and torch (CUDA {torch.version.cuda}) sees no GPU.",
            "Check `nvidia-smi` and CUDA_VISIBLE_DEVICES; the driver may be too old.",
        )


def _precisions(device: torch.device) -> Iterator[Finding]:
    """Which precisions a small convolution and a matrix product come out right in."""
    works, faults = [], []
    for name, dtype in DTYPES.items():
        try:
            error = trial(device, dtype)
        except (RuntimeError, TypeError) as failure:
            faults.append((name, f"does not work ({_first_line(failure)})"))
            continue
        if error <= _BOUNDS[name]:
            works.append(f"{name} (relative error {error:.0e})")
        else:
            faults.append((name, f"is wrong by {error:.0e}, at most {_BOUNDS[name]:.0e} expected"))
    if works:
        yield Finding("ok", f"{device}: works in {', '.join(works)}.")
    for name, text in faults:
        yield Finding(
            "fail" if name == "float32" else "note",
            f"{device}: {name} {text}.",
            f"Do not use --dtype {name} there." if name != "float32" else "Use another --device.",
        )


def trial(device: torch.device, dtype: torch.dtype) -> float:
    """Relative L2 error of a convolution and a matrix product against float64 on the CPU.

    Raises RuntimeError or TypeError where the device cannot compute in this precision.
    """
    generator = torch.Generator().manual_seed(0)
    kernels = torch.randn(8, 8, 3, 3, generator=generator, dtype=torch.float64)
    images = torch.randn(1, 8, 16, 16, generator=generator, dtype=torch.float64)
    weights = torch.randn(64, 64, generator=generator, dtype=torch.float64)

    def run(where: torch.device, kind: torch.dtype) -> torch.Tensor:
        features = torch.nn.functional.conv2d(images.to(where, kind), kernels.to(where, kind))
        rows = features.flatten()[: 64 * 24].reshape(24, 64)
        return (rows @ weights.to(where, kind)).cpu().double()

    exact = run(torch.device("cpu"), torch.float64)
    return float(torch.linalg.vector_norm(run(device, dtype) - exact) / exact.norm())


def _first_line(error: Exception) -> str:
    words = str(error).strip()
    return words.splitlines()[0][:160] if words else type(error).__name__
