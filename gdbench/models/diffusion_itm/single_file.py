"""Models that are shared as one .safetensors file, in the layout of their first release.

Such a file is read once by diffusers' own single-file loader and kept as a pipeline's folder; what
is scored is that folder, so a model has one identity however it came.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gdbench.environment import cache_folder
from gdbench.errors import InputError
from gdbench.models.digests import read_json_object
from gdbench.terminal import note

SUFFIXES = frozenset({".safetensors", ".ckpt", ".pt", ".pth", ".bin"})
_SAFE = ".safetensors"
_SECOND = "v2"
_PIPELINES = {
    "v1": "StableDiffusionPipeline",
    _SECOND: "StableDiffusionPipeline",
    "xl_base": "StableDiffusionXLPipeline",
}
_SIDES = (64, 96)  # latents of a side: 2.x that predict noise were trained on 512 pixels, or 768
_NAMES = {
    "epsilon": "epsilon",
    "eps": "epsilon",
    "v": "v_prediction",
    "v_prediction": "v_prediction",
    "v-prediction": "v_prediction",
}
_NETWORK = "model.diffusion_model."


def is_single_file(path: Path) -> bool:
    """Whether a path is a file with weights."""
    return path.suffix.lower() in SUFFIXES and path.is_file()


@dataclass(frozen=True)
class Header:
    """What a file says of itself without its numbers."""

    kind: str
    """As diffusers names it: `v1`, `v2`, `xl_base`."""
    half: bool
    """Whether the network is in half precision."""
    prediction: str | None
    """`epsilon` or `v_prediction`, where something says so."""
    zero_snr: bool
    """Whether its noise goes on to nothing but noise."""


def folder_of(path: Path, prediction: str | None = None) -> Path:
    """The folder that a file was converted to, once; in `$GDBENCH_CACHE`, else `~/.cache/gdbench`.

    `prediction` is what the user says that the network predicts (see `Header.prediction`).

    Raises InputError for a pickle, a file of another model than Stable Diffusion 1.x, 2.x and XL,
    a file of 2.x of which nothing says what it predicts, or where the configurations, which no
    such file holds, cannot be had from the hub.
    """
    if path.suffix.lower() != _SAFE:
        raise InputError(
            f"{path} is a pickle, which may run code: it is never loaded. Convert it once: python "
            f'-c "import torch, safetensors.torch as s; s.save_file({{k: v.contiguous() for k, v '
            f"in torch.load('{path.name}', weights_only=True)['state_dict'].items() if "
            f"hasattr(v, 'contiguous')}}, '{path.stem}.safetensors')\""
        )
    header = read_header(path)
    predicts = prediction or header.prediction
    if header.kind == _SECOND and predicts is None:
        raise InputError(
            f"{path}: a single file of Stable Diffusion 2.x does not say what it predicts; give "
            "--prediction epsilon (2.0-base and 2.1-base) or --prediction v_prediction (2.0, 2.1)"
        )
    name = _digest(path)[:32] + ("" if predicts is None else f"-{predicts}")
    target = cache_folder() / "converted" / name
    if not (target / "model_index.json").is_file():
        _convert(path, target, replace(header, prediction=predicts))
    return target


def read_header(path: Path) -> Header:
    """Names, shapes and metadata of a file. Raises InputError for a file of another model."""
    import torch
    from diffusers.loaders import single_file_utils
    from safetensors import SafetensorError, safe_open

    tensors, half = {}, False
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            for name in file.keys():  # noqa: SIM118 # no mapping
                part = file.get_slice(name)
                tensors[name] = torch.empty(part.get_shape(), device="meta")
                half = half or (name.startswith(_NETWORK) and part.get_dtype() in ("F16", "BF16"))
    except (OSError, SafetensorError, ValueError) as error:
        raise InputError(f"{path}: not a safetensors file ({error})") from None
    infer: Any = single_file_utils.infer_diffusers_model_type  # no type information
    kind = infer(tensors)
    if kind not in _PIPELINES or not any(name.startswith(_NETWORK) for name in tensors):
        raise InputError(
            f"{path}: single files of Stable Diffusion 1.x, 2.x and XL are read, and this is none "
            "(or not told apart from others); give the folder of the diffusers pipeline"
        )
    return Header(kind, half, _prediction(tensors, metadata), "ztsnr" in tensors)


def _prediction(tensors: Mapping[str, Any], metadata: Mapping[str, str]) -> str | None:
    """What a network predicts, by the marks that its makers leave; None where there is none.

    An empty tensor `v_pred`, the field `prediction_type` of ModelSpec, or that of kohya's scripts.
    """
    if "v_pred" in tensors:
        return "v_prediction"
    named = metadata.get("modelspec.prediction_type", "").strip().lower()
    if named in _NAMES:
        return _NAMES[named]
    trained = metadata.get("ss_v_parameterization", "").strip().lower()
    return {"true": "v_prediction", "false": "epsilon"}.get(trained)


def _convert(path: Path, target: Path, header: Header) -> None:
    import diffusers
    import torch

    note(f"{path.name}: converting to a pipeline's folder, once")
    try:
        pipeline = getattr(diffusers, _PIPELINES[header.kind]).from_single_file(
            str(path), torch_dtype=torch.float16 if header.half else torch.float32
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
        if header.prediction is not None:
            _change(temporary / "scheduler/scheduler_config.json", _scheduler(header))
        if header.kind == _SECOND:
            side = _SIDES[header.prediction == "v_prediction"]
            _change(temporary / "unet/config.json", {"sample_size": side})
        temporary.replace(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _scheduler(header: Header) -> dict[str, object]:
    known: dict[str, object] = {"prediction_type": header.prediction}
    return known | ({"rescale_betas_zero_snr": True} if header.zero_snr else {})


def _change(path: Path, values: Mapping[str, object]) -> None:
    path.write_text(json.dumps(read_json_object(path) | dict(values), indent=2), encoding="utf-8")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
