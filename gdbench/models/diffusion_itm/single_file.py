"""Models that are shared as one .safetensors file, in the layout of their first release.

Such a file is read once by diffusers' own single-file loader and kept as a pipeline's folder; what
is scored is that folder, so a model has one identity however it came.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path
from typing import Any

from gdbench.environment import cache_folder
from gdbench.errors import InputError
from gdbench.terminal import note

SUFFIXES = frozenset({".safetensors", ".ckpt", ".pt", ".pth", ".bin"})
_SAFE = ".safetensors"
_PIPELINES = {"v1": "StableDiffusionPipeline", "xl_base": "StableDiffusionXLPipeline"}
_NETWORK = "model.diffusion_model."


def is_single_file(path: Path) -> bool:
    """Whether a path is a file with weights."""
    return path.suffix.lower() in SUFFIXES and path.is_file()


def folder_of(path: Path) -> Path:
    """The folder that a file was converted to, once; in `$GDBENCH_CACHE`, else `~/.cache/gdbench`.

    Raises InputError for a pickle, a file of another model than Stable Diffusion 1.x and XL, or
    where the configurations, which no such file holds, cannot be had from the hub.
    """
    if path.suffix.lower() != _SAFE:
        raise InputError(
            f"{path} is a pickle, which may run code: it is never loaded. Convert it once: python "
            f'-c "import torch, safetensors.torch as s; s.save_file({{k: v.contiguous() for k, v '
            f"in torch.load('{path.name}', weights_only=True)['state_dict'].items() if "
            f"hasattr(v, 'contiguous')}}, '{path.stem}.safetensors')\""
        )
    target = cache_folder() / "converted" / _digest(path)[:32]
    if not (target / "model_index.json").is_file():
        _convert(path, target)
    return target


def _convert(path: Path, target: Path) -> None:
    import diffusers
    from diffusers.loaders import single_file_utils

    tensors, half = _described(path)
    infer: Any = single_file_utils.infer_diffusers_model_type  # no type information
    kind = infer(tensors)
    if kind not in _PIPELINES or not any(name.startswith(_NETWORK) for name in tensors):
        raise InputError(
            f"{path}: single files of Stable Diffusion 1.x and XL are read, and this is none (or "
            "not told apart from others); give the folder of the diffusers pipeline"
        )
    note(f"{path.name}: converting to a pipeline's folder, once")
    import torch

    try:
        pipeline = getattr(diffusers, _PIPELINES[kind]).from_single_file(
            str(path), torch_dtype=torch.float16 if half else torch.float32
        )
    except Exception as error:  # noqa: BLE001 # a stranger's file; the library raises anything
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(
            f"{path}: diffusers cannot load it ({reason}); its configurations come from the hub"
        ) from None
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=target.parent))
    try:
        pipeline.save_pretrained(temporary, safe_serialization=True)
        temporary.replace(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _described(path: Path) -> tuple[dict[str, Any], bool]:
    """Every tensor's name and shape without its numbers, and whether the network is in half."""
    import torch
    from safetensors import SafetensorError, safe_open

    tensors, half = {}, False
    try:
        with safe_open(path, framework="pt") as file:
            for name in file.keys():  # noqa: SIM118 # no mapping
                part = file.get_slice(name)
                tensors[name] = torch.empty(part.get_shape(), device="meta")
                half = half or (name.startswith(_NETWORK) and part.get_dtype() in ("F16", "BF16"))
    except (OSError, SafetensorError, ValueError) as error:
        raise InputError(f"{path}: not a safetensors file ({error})") from None
    return tensors, half


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
