"""From what a user types after --model to a model."""

from __future__ import annotations

from pathlib import Path

from gdbench.errors import InputError, UnknownNameError
from gdbench.models.custom import load_custom
from gdbench.models.entry import LoadOptions, ModelEntry
from gdbench.models.zoo import MODELS
from gdbench.protocol import ITMModel

SPEC_HELP = (
    "a registered name, a folder, path/to/file.py:Class, clip:ARCHITECTURE/TAG, hf-hub:OWNER/NAME "
    "(open_clip), diffusion:OWNER/NAME, or control:KIND:MODEL"
)


def load_model(spec: str, options: LoadOptions | None = None) -> ITMModel:
    """The model that `spec` names (see `SPEC_HELP`). Raises GdbenchError with one line."""
    options = options or LoadOptions()
    if spec.startswith("control:"):
        from gdbench.models.controls import load_control

        return load_control(spec, options)
    if ":" in spec and spec.rpartition(":")[0].endswith(".py"):
        return load_custom(spec)
    return resolve(spec).load(options)


def resolve(spec: str) -> ModelEntry:
    """The entry behind a name, prefix or folder. Raises UnknownNameError with near matches."""
    prefix, _, rest = spec.partition(":")
    if prefix == "diffusion":
        return _entry(rest.rpartition("/")[2], "diffusion-itm", rest)
    if prefix == "clip":
        return _entry(rest.replace("/", "-").lower(), "open-clip", rest)
    if prefix == "hf-hub":
        return _entry(rest.rpartition("/")[2], "open-clip", spec)
    if spec in MODELS:
        return MODELS.get(spec)
    path = Path(spec)
    if path.is_dir():
        return _folder(path)
    if "/" in spec or spec.startswith("."):
        raise InputError(f"no folder {spec}; --model takes {SPEC_HELP}")
    try:
        return MODELS.get(spec)
    except UnknownNameError as error:
        raise UnknownNameError(f"{error} (--model takes {SPEC_HELP})") from None


def _folder(path: Path) -> ModelEntry:
    source = str(path.resolve())
    if (path / "model_index.json").is_file():
        return _entry(path.resolve().name, "diffusion-itm", source)
    if (path / "open_clip_config.json").is_file():
        return _entry(path.resolve().name, "open-clip", source)
    raise InputError(
        f"{path} is no model folder: neither model_index.json (diffusers) nor "
        "open_clip_config.json (open_clip) is in it"
    )


def _entry(name: str, kind: str, source: str) -> ModelEntry:
    clean = "".join(c if c.isalnum() or c in "._+-" else "-" for c in name).strip("._+-") or "model"
    return ModelEntry(
        name=clean[:96],
        kind=kind,  # type: ignore[arg-type] # one of the literals, by the callers above
        source=source,
        family="diffusion-unet" if kind == "diffusion-itm" else "contrastive",
        description="",
    )
