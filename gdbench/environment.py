"""Where a result was made: versions, platform, code state, memory."""

from __future__ import annotations

import os
import platform
import resource
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from gdbench.records import Environment

_PACKAGES = (
    "accelerate", "diffusers", "numpy", "open_clip_torch", "peft", "pillow", "scipy",
    "torch", "torchvision", "transformers",
)  # fmt: skip


def package_version(name: str) -> str | None:
    """Installed version of a distribution, None where it is not there."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _git(*words: str) -> str | None:
    """Output of git in the folder of this package, None where that is not gdbench's checkout."""
    root = Path(__file__).parent.parent
    if not (root / ".git").exists():
        return None
    try:
        done = subprocess.run(
            ["git", *words], cwd=root, capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def environment() -> Environment:
    """The present environment."""
    commit = _git("rev-parse", "HEAD")
    state = _git("status", "--porcelain", "--", "gdbench")
    found = {name: package_version(name) for name in _PACKAGES}
    return Environment(
        gdbench=package_version("gdbench") or "0",
        python=platform.python_version(),
        platform=f"{platform.system()} {platform.machine()}",
        packages={name: v for name, v in found.items() if v is not None},
        git_commit=commit,
        git_dirty=None if state is None else bool(state),
    )


def device_name(device: str) -> str:
    """What a device such as "cuda:0" or "cpu" calls itself; empty where it does not say."""
    if device.startswith("cuda"):
        import torch

        return str(torch.cuda.get_device_name(device)) if torch.cuda.is_available() else ""
    if device != "cpu":
        return ""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return next(iter(names), platform.processor())


def reset_peak_memory() -> bool:
    """Measure this process's peak anew from now on; False where the system has no such switch."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return False
    return True


def peak_memory_bytes() -> int:
    """Largest resident size of this process, in bytes, since it began or the peak was reset."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:  # not Linux
        lines = []
    for line in lines:
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


_before_a_probe: dict[str, int] = {}
"""Peak of each device that was seen before `device_bytes_for` measured anew."""


def _device_memory(device: str) -> Any:
    """What counts the bytes that torch gave out on a device; None where nothing does.

    The host has `peak_memory_bytes`; MPS knows what is taken now, and no peak.
    """
    if not device.startswith("cuda"):
        return None
    import torch

    # before that nothing was taken, and there is no peak to reset
    begun: bool = torch.cuda.is_initialized()  # type: ignore[no-untyped-call] # torch's
    return torch.cuda if begun else None


def reset_peak_device_memory(device: str) -> None:
    """Measure a device's peak anew from now on, where one is known."""
    _before_a_probe.pop(device, None)
    if (memory := _device_memory(device)) is not None:
        memory.reset_peak_memory_stats(device)


def peak_device_memory_bytes(device: str) -> int | None:
    """Most that this process had taken of a device's own memory since the peak was reset.

    In bytes that torch gave out to tensors; None where the device is the host or keeps no peak.
    """
    if (memory := _device_memory(device)) is None:
        return None
    return max(int(memory.max_memory_allocated(device)), _before_a_probe.get(device, 0))


def device_bytes_for(call: Callable[[], object], device: str) -> int:
    """What a call takes of a device's memory at most, beyond what was taken before it.

    The peak since the last reset stays known. For devices of which a peak is known.
    """
    memory = _device_memory(device)
    _before_a_probe[device] = peak_device_memory_bytes(device) or 0
    memory.reset_peak_memory_stats(device)
    before = int(memory.memory_allocated(device))
    call()
    return int(memory.max_memory_allocated(device)) - before


def cache_folder() -> Path:
    """What outlives a run and can be made again: `$GDBENCH_CACHE`, else `~/.cache/gdbench`."""
    return Path(os.environ.get("GDBENCH_CACHE") or Path.home() / ".cache" / "gdbench")
