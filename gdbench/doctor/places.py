"""Folders that gdbench reads and writes: caches, the hub's cache, and the published data."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from gdbench.doctor.findings import Finding
from gdbench.environment import cache_folder
from gdbench.errors import GdbenchError
from gdbench.numbers import size_in_bytes

_LITTLE_DISK = 5 * 10**9  # bytes; a model of Stable Diffusion's size


def caches() -> Iterator[Finding]:
    """Whether the caches can be written, and how much room is left."""
    from huggingface_hub import constants

    yield _writable("gdbench's cache", cache_folder(), "GDBENCH_CACHE")
    yield _writable("The hub's cache", Path(constants.HF_HUB_CACHE), "HF_HOME")
    yield from _models_in_the_cache()


def _writable(what: str, folder: Path, variable: str) -> Finding:
    """Whether a file can be made in a folder, or the folder itself where it is not there yet."""
    try:
        there = next(p for p in (folder, *folder.absolute().parents) if p.exists())
        with tempfile.TemporaryFile(dir=there):
            free = shutil.disk_usage(there).free
    except OSError as error:
        reason = error.strerror or type(error).__name__
        return Finding(
            "fail",
            f"{what}, {folder}, cannot be written ({reason}).",
            f"Set {variable} to a folder of your own.",
        )
    size = f"{size_in_bytes(free)} free"
    if free < _LITTLE_DISK:
        return Finding(
            "note",
            f"{what}, {folder}, has {size}.",
            f"Weights take several GB: make room, or set {variable} to a larger disk.",
        )
    return Finding("ok", f"{what}: {folder}, {size}.")


def _models_in_the_cache() -> Iterator[Finding]:
    from gdbench.models import KINDS, MODELS, ModelEntry
    from gdbench.models.presence import cached_repos

    try:
        n_models = len(cached_repos())
        names = [
            name
            for name, entry in MODELS.items()
            if isinstance(entry, ModelEntry)
            and not entry.local
            and KINDS.get(entry.kind).is_here(entry)
        ]
    except (OSError, ValueError) as error:
        yield Finding("fail", f"The hub's cache cannot be read ({error}).", "Set HF_HOME anew.")
        return
    listed = f"; registered here: {', '.join(names)}" if names else ""
    yield Finding("ok", f"Models in the hub's cache: {n_models or 'none'}{listed}.")


def data(root: Path | None) -> Iterator[Finding]:
    """Which of the eight tasks are here, without reading them."""
    from gdbench.data.check import layout_of
    from gdbench.data.loading import MISSING, default_root
    from gdbench.tasks import GDBENCH, published_of

    where = default_root() if root is None else root
    if not where.is_dir():
        yield Finding(
            "note" if root is None else "fail",
            f"No data at {where}.",
            "The bundled suite needs none: `--suite mini`. For the published data give --root "
            "(or set GDBENCH_DATA) and see `gdbench data status`.",
        )
        return
    here: list[str] = []
    absent: list[str] = []
    for task in GDBENCH:
        try:
            layout = layout_of(task, where, published_of(task))
        except GdbenchError as error:
            yield Finding("fail", f"{task}: {error}", "See `gdbench data check`.")
            continue
        (absent if layout == MISSING else here).append(task)
    if here:
        yield Finding("ok", f"{where}: {', '.join(here)} (not read; see `gdbench data check`).")
    if absent:
        yield Finding(
            "note",
            f"{where} lacks {', '.join(absent)}.",
            f"See `gdbench data status {absent[0]}` for where each comes from; "
            "`--suite mini` needs none.",
        )
