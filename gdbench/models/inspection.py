"""What a folder or hub id is, from its JSON files alone: no weights are read or fetched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gdbench.errors import GdbenchError, InputError
from gdbench.models import hf_checkpoint
from gdbench.models.diffusion_itm.families import family_of
from gdbench.models.digests import read_json_object
from gdbench.models.hf_dual import side_in, text_length
from gdbench.models.hub import HUB_ID, about, fetch
from gdbench.models.kinds import KINDS, ModelEntry
from gdbench.models.loading import resolve
from gdbench.models.model_card import licence_of
from gdbench.models.zoo import MODELS

_JSON = (
    "config.json", "model_index.json", "open_clip_config.json", "preprocessor_config.json",
    "processor_config.json", "tokenizer_config.json", "model.safetensors.index.json", "README.md",
)  # fmt: skip
_PREFIXES = ("hf:", "hf-hub:", "diffusion:")
_LAYOUTS = {
    "model_index.json": "diffusion:", "open_clip_config.json": "hf-hub:", "config.json": "hf:",
}  # fmt: skip
_SCORES = {
    "diffusion-itm": "DiffusionITM: minus the denoising error",
    "open-clip": "cosine",
    "hf-dual": "cosine",
    "hf-itm": "log odds of the matching head",
    "hf-vlm": "VQAScore: log P(Yes); or the caption's likelihood",
    "baseline": "control",
}
_CONTEXT = 77  # open_clip's own, where a configuration has no context_length


@dataclass(frozen=True)
class Inspection:
    """What is known of a model before it is loaded; None and empty where nothing says it."""

    model: str
    """What to give after --model."""
    name: str
    kind: str
    family: str
    architecture: str
    score: str
    revision: str | None
    weight_bytes: int | None
    parameters: int | None
    license: str
    url: str
    gated: bool
    here: bool
    resolution: int | None
    """Side of its pictures in pixels."""
    text_length: int | None
    """Tokens that it reads of a text, signs included."""
    pass_flops: int | None = None
    """Diffusion: floating-point operations of one pass for one picture and text."""
    problem: str = ""
    """Why it would be refused."""

    def as_dict(self) -> dict[str, Any]:
        """By field name."""
        return asdict(self)


@dataclass(frozen=True)
class _Place:
    """A folder, or a hub id with its JSON files in a folder."""

    repo: str
    folder: Path
    files: Mapping[str, int]
    commit: str | None = None
    gated: bool = False

    @classmethod
    def of(cls, source: str) -> _Place:
        path = Path(source).expanduser()
        if path.is_dir():
            files = {
                p.relative_to(path).as_posix(): p.stat().st_size
                for p in sorted(path.rglob("*"))
                if p.is_file()
            }
            return cls("", path.resolve(), files)
        if not HUB_ID.match(source):
            raise InputError(
                f"{source}: inspect reads registered names, folders, OWNER/NAME on the hub, "
                "hf:OWNER/NAME, hf-hub:OWNER/NAME, diffusion:OWNER/NAME and clip:ARCH/TAG"
            )
        folder = fetch(source, None, _JSON)
        told = about(source, None)
        if told is None:
            return cls(source, folder, {})
        return cls(source, folder, told.files, told.commit, told.gated)

    def size(self, names: list[str]) -> int | None:
        """Bytes of some files; None where one of them is not known."""
        known = [self.files.get(name) for name in names]
        return sum(n for n in known if n is not None) if known and None not in known else None


def inspect(source: str) -> Inspection:
    """What a registered name, a folder or a hub id is.

    Raises GdbenchError with one line where it is nothing that can be scored, or not to be had.
    """
    if source in MODELS:
        entry: object = MODELS.get(source)
        if not isinstance(entry, ModelEntry):
            raise InputError(f"{source} is a plug-in's own model; its package says what it is")
        if entry.local and (Path(entry.source) / "model_index.json").is_file():
            return _of_diffusers(_Place.of(entry.source), source, entry)
        return _of(entry, source)
    if source.startswith("clip:"):
        return _of_open_clip_tag(source)
    if source.endswith(".safetensors") and Path(source).is_file():
        return _of(_entry_of(source), source, weight_bytes=Path(source).stat().st_size)
    prefix = next((p for p in _PREFIXES if source.startswith(p)), "")
    place = _Place.of(source.removeprefix(prefix))
    if not prefix:
        names = [name for name in _LAYOUTS if (place.folder / name).is_file()]
        if not names:
            raise InputError(f"{source} is not a model: it has none of {', '.join(_LAYOUTS)}")
        prefix = _LAYOUTS[names[0]]
    model = f"{prefix}{place.repo}" if place.repo else str(place.folder)
    if prefix == "hf:":
        return _of_transformers(place, f"hf:{place.repo or place.folder}")
    return (_of_open_clip if prefix == "hf-hub:" else _of_diffusers)(place, model)


def _of(entry: ModelEntry, model: str, place: _Place | None = None, **more: Any) -> Inspection:
    """An entry, with what else is known."""
    known: dict[str, Any] = {
        "model": model,
        "name": entry.name,
        "kind": entry.kind,
        "family": entry.family,
        "architecture": entry.source,
        "score": _SCORES.get(entry.kind, ""),
        "revision": entry.revision or (place.commit if place else None),
        "weight_bytes": None,
        "parameters": entry.parameters,
        "license": entry.license or (licence_of(place.folder) if place else ""),
        "url": entry.url
        or (f"https://huggingface.co/{place.repo}" if place and place.repo else ""),
        "gated": entry.gated or bool(place and place.gated),
        "here": KINDS.get(entry.kind).is_here(entry),
        "resolution": None,
        "text_length": None,
    }
    return Inspection(**known | more)


def _entry_of(model: str) -> ModelEntry:
    entry = resolve(model)
    if not isinstance(entry, ModelEntry):
        raise InputError(f"{model} is not a model folder or hub id")
    return entry


def _of_transformers(place: _Place, model: str) -> Inspection:
    checkpoint = hf_checkpoint.Checkpoint.open(place.repo or str(place.folder), None, _JSON)
    entry = checkpoint.entry()
    size, problem = None, ""
    try:
        size = checkpoint.weight_bytes()
    except GdbenchError as error:
        problem = str(error)
    side = length = None
    if checkpoint.foreign:
        problem = problem or "its class is Python code in the repository: --trust-remote-code"
    else:
        from transformers import AutoConfig

        config = AutoConfig.from_pretrained(checkpoint.folder, local_files_only=True)
        words = checkpoint.folder / "tokenizer_config.json"
        most = read_json_object(words).get("model_max_length") if words.is_file() else None
        side, length = side_in(config), text_length(config, most)
    return _of(
        entry, model if place.repo else str(place.folder), place, weight_bytes=size,
        architecture=checkpoint.architecture, resolution=side, text_length=length, problem=problem,
    )  # fmt: skip


def _of_open_clip(place: _Place, model: str) -> Inspection:
    config = read_json_object(place.folder / "open_clip_config.json").get("model_cfg") or {}
    # as open_clip looks for them
    names = ["open_clip_model.safetensors", "open_clip_pytorch_model.bin"]
    there = [name for name in names if name in place.files]
    return _of(
        _entry_of(model), model, place, architecture="open_clip", **_of_model_cfg(config),
        weight_bytes=place.size(there[:1]),
    )  # fmt: skip


def _of_open_clip_tag(source: str) -> Inspection:
    import open_clip

    entry = _entry_of(source)
    name = entry.source.partition("/")[0]
    config = open_clip.get_model_config(name)
    if config is None:
        raise InputError(f"{source}: open_clip has no architecture {name}")
    return _of(entry, source, architecture=name, **_of_model_cfg(config))


def _of_model_cfg(config: Mapping[str, Any]) -> dict[str, Any]:
    """Picture side and text length of open_clip's `model_cfg`."""
    vision, text = config.get("vision_cfg") or {}, config.get("text_cfg") or {}
    side = vision.get("image_size")
    return {
        "resolution": side[0] if isinstance(side, list) else side,
        "text_length": text.get("context_length", _CONTEXT),
    }


def _of_diffusers(place: _Place, model: str, entry: ModelEntry | None = None) -> Inspection:
    entry = entry or _entry_of(model)
    index = read_json_object(place.folder / "model_index.json")
    name = str(index.get("_class_name", ""))
    known: dict[str, Any] = {}
    try:
        known = _of_pipeline(place)
    except GdbenchError as error:
        known["problem"] = str(error)
    parts = {key for key, value in index.items() if isinstance(value, list)}
    files = [
        file for file in place.files
        if file.endswith(".safetensors") and file.partition("/")[0] in parts
        # the same tensors again in half precision, or before averaging
        and not any(f".{variant}" in file for variant in ("fp16", "bf16", "non_ema"))
    ]  # fmt: skip
    return _of(
        entry, model, place, architecture=name, weight_bytes=place.size(files), **known
    )  # fmt: skip


def _of_pipeline(place: _Place) -> dict[str, Any]:
    """What its family makes of a pipeline. Raises GdbenchError where it would be refused."""
    from gdbench.models.diffusion_itm.families.sketch import sketch
    from gdbench.models.diffusion_itm.loading import configurations

    folder = configurations(place.repo) if place.repo else place.folder
    family = family_of(folder)
    found = sketch(folder)
    return {
        "family": family.card_family,
        "parameters": found.parameters,
        "resolution": found.resolution,
        "text_length": found.text_length,
        "pass_flops": found.pass_flops,
    }
