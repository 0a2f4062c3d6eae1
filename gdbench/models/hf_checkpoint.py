"""A model of transformers in a folder or on the hub: JSON first, then its class, then weights.

Read are `config.json`, the processor's and tokenizer's files, and weights in safetensors format.
Pickles are refused, since they run code when they are read; so is Python in the repository unless
it is asked for.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from huggingface_hub import try_to_load_from_cache

from gdbench.errors import InputError, MissingExtraError
from gdbench.memory import is_out_of_memory
from gdbench.models.digests import (
    digest_config,
    digest_json,
    digest_safetensors,
    digest_text,
    digest_tokenizer,
    read_json_object,
)
from gdbench.models.hub import HUB_ID, about, announce, fetch
from gdbench.models.kinds import ModelEntry, clean_name
from gdbench.models.model_card import licence_of
from gdbench.protocol import Family
from gdbench.records import Content

if TYPE_CHECKING:
    import torch

Sort = Literal["dual", "matching", "generative"]
_KINDS: dict[Sort, tuple[str, Family]] = {
    "dual": ("hf-dual", "contrastive"),
    "matching": ("hf-itm", "other"),
    "generative": ("hf-vlm", "generative-vlm"),
}
PREFIX = "hf:"
READS = (
    "dual encoders (CLIP, SigLIP, SigLIP2, AltCLIP, ChineseCLIP and others with "
    "get_image_features and get_text_features), BlipForImageTextRetrieval, "
    "Blip2ForImageTextRetrieval, and image-text-to-text models"
)
_MATCHING = ("BlipForImageTextRetrieval", "Blip2ForImageTextRetrieval")
SMALL = ("*.json", "*.txt", "*.model", "*.jinja", "README.md")
_SINGLE, _INDEX = "model.safetensors", "model.safetensors.index.json"
_PROCESSOR = ("preprocessor_config.json", "processor_config.json")
_TOKENIZER = ("tokenizer.json", "vocab.txt", "vocab.json")
_SENTENCEPIECE = ("spiece.model", "tokenizer.model", "sentencepiece.bpe.model")


@dataclass(frozen=True)
class Checkpoint:
    """A model's small files. `folder` has them, `repo` is the hub id, empty for a folder."""

    source: str
    repo: str
    revision: str | None
    folder: Path
    config: Mapping[str, Any]

    @classmethod
    def open(
        cls, source: str, revision: str | None = None, files: Sequence[str] = SMALL
    ) -> Checkpoint:
        """Read a folder, or those files of a hub id.

        Raises InputError where it is no model of transformers.
        """
        path = Path(source).expanduser()
        if path.is_dir():
            repo, folder = "", path.resolve()
        elif HUB_ID.match(source):
            repo, folder = source, fetch(source, revision, files)
        else:
            raise InputError(f"{source}: neither a folder nor a hub id (owner/name)")
        for name, what, instead in (
            ("model_index.json", "a diffusers pipeline", "diffusion:"),
            ("open_clip_config.json", "a model of open_clip", "hf-hub:"),
        ):
            # many repositories of CLIP have both layouts
            if (folder / name).is_file() and not (folder / "config.json").is_file():
                wanted = f"{instead}{repo}" if repo else "the folder without hf:"
                raise InputError(f"{source} is {what}; use --model {wanted}")
        if not (folder / "config.json").is_file():
            raise InputError(f"{source} has no config.json: it is no model of transformers")
        return cls(source, repo, revision, folder, read_json_object(folder / "config.json"))

    @property
    def architecture(self) -> str:
        """The name of its class in transformers; empty where its configuration has none."""
        named = self.config.get("architectures")
        return str(named[0]) if isinstance(named, Sequence) and named else ""

    @property
    def foreign(self) -> bool:
        """Whether its class is Python in the repository, and none of transformers."""
        import transformers

        known = getattr(transformers, self.architecture or "-", None) is not None
        return bool(self.config.get("auto_map")) and not known

    @property
    def sort(self) -> Sort:
        """How it is scored. Raises InputError that lists what is read, for anything else."""
        import transformers
        from transformers.models.auto import modeling_auto

        name = self.architecture
        if name in _MATCHING:
            return "matching"
        generative = set(modeling_auto.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES.values())
        auto = self.config.get("auto_map") or {}
        if name in generative or (self.foreign and "AutoModelForImageTextToText" in auto):
            return "generative"
        made = getattr(transformers, name or "-", None)
        both = hasattr(made, "get_image_features") and hasattr(made, "get_text_features")
        if both or (self.foreign and "AutoModel" in auto):
            return "dual"
        kind = name or f"model of type {self.config.get('model_type')!r}"
        version = transformers.__version__
        raise InputError(f"{self.source} is a {kind} (transformers {version}); read are: {READS}")

    def weights(self) -> list[str]:
        """Names of its weight files. Raises InputError where there are pickles only, or none."""
        if (self.folder / _INDEX).is_file() and not (self.folder / _SINGLE).is_file():
            names = read_json_object(self.folder / _INDEX).get("weight_map")
            if not isinstance(names, Mapping):
                raise InputError(f"{self.folder / _INDEX}: expected a weight_map")
            files = sorted({str(name) for name in names.values()})
            if any("/" in name or "\\" in name for name in files):
                raise InputError(f"{self.folder / _INDEX}: a weight file lies outside the folder")
            return files
        there = self.file_sizes()
        if _SINGLE in there:
            return [_SINGLE]
        pickles = [n for n in there if n.endswith((".bin", ".pt", ".pth", ".ckpt"))]
        if pickles:
            raise InputError(
                f"{self.source} has its weights as pickles only ({pickles[0]}), which can run any "
                f"code when they are read; convert a model that you trust: python -c "
                f'"from transformers import {self.architecture or "AutoModel"} as M; '
                f"M.from_pretrained('{self.source}', use_safetensors=False)"
                f".save_pretrained('OUT')\""
            )
        raise InputError(f"{self.source} has no {_SINGLE}")

    def file_sizes(self) -> Mapping[str, int]:
        """Bytes of the files of its top folder, asked of the hub where it is there."""
        told = about(self.repo, self.revision) if self.repo else None
        if told is not None:
            return {name: size for name, size in told.files.items() if "/" not in name}
        return {p.name: p.stat().st_size for p in sorted(self.folder.iterdir()) if p.is_file()}

    def weight_bytes(self) -> int | None:
        """Bytes of its weight files; None where the hub does not say. Raises as `weights`."""
        there = self.file_sizes()
        names = self.weights()
        if all(name in there for name in names):
            return sum(there[name] for name in names)
        index = self.folder / _INDEX
        total = read_json_object(index).get("metadata") if index.is_file() else None
        size = total.get("total_size") if isinstance(total, Mapping) else None
        return int(size) if isinstance(size, int) else None

    def entry(self) -> ModelEntry:
        """The entry of a model that is not registered, with what its own card says."""
        kind, family = _KINDS[self.sort]
        return ModelEntry(
            name=clean_name((self.repo or str(self.folder)).rpartition("/")[2]),
            kind=kind,
            source=self.repo or str(self.folder),
            family=family,
            revision=self.revision,
            license=licence_of(self.folder),
            url=f"https://huggingface.co/{self.repo}" if self.repo else "",
        )


def claim(source: str, sort: Sort) -> ModelEntry | None:
    """An entry for `hf:OWNER/NAME`, `hf:FOLDER` or a folder with config.json of that sort."""
    if source.startswith(PREFIX):
        checkpoint = Checkpoint.open(source.removeprefix(PREFIX))
    else:
        path = Path(source)
        others = ("model_index.json", "open_clip_config.json")
        if not (path / "config.json").is_file() or any((path / o).is_file() for o in others):
            return None
        checkpoint = Checkpoint.open(source)
    return checkpoint.entry() if checkpoint.sort == sort else None


def is_here(entry: ModelEntry) -> bool:
    """Whether the weights are on this machine."""
    if entry.local:
        return Path(entry.source).is_dir()
    revision = entry.revision or "main"
    if isinstance(try_to_load_from_cache(entry.source, _SINGLE, revision=revision), str):
        return True
    index = try_to_load_from_cache(entry.source, _INDEX, revision=revision)
    if not isinstance(index, str):
        return False
    names = set(read_json_object(Path(index)).get("weight_map", {}).values())
    found = [try_to_load_from_cache(entry.source, str(n), revision=revision) for n in names]
    return bool(found) and all(isinstance(path, str) for path in found)


@dataclass(frozen=True)
class Loaded:
    """A model of transformers in evaluation mode, its processor, and the hashes of both."""

    model: Any
    processor: Any
    content: Content
    checkpoint: Checkpoint


def load(
    entry: ModelEntry, sort: Sort, device: torch.device, dtype: torch.dtype, *, trust: bool
) -> Loaded:
    """Model and processor. Raises GdbenchError of one line where they cannot be had.

    Args:
        entry: what to load.
        sort: how it is going to be scored.
        device: where to.
        dtype: precision of the parameters.
        trust: whether Python in the repository may run.
    """
    checkpoint = Checkpoint.open(entry.source, entry.revision)
    if checkpoint.sort != sort:
        raise InputError(
            f"{entry.source} is a {checkpoint.architecture}, "
            f"which the kind {entry.kind} cannot read"
        )
    code = checkpoint.foreign
    if code and not trust:
        raise InputError(
            f"{entry.source}: its class is Python code in the repository "
            f"({checkpoint.architecture or 'auto_map'}); read it, then allow it with "
            "--trust-remote-code"
        )
    _check_processor(checkpoint)
    names = checkpoint.weights()
    folder = checkpoint.folder
    if checkpoint.repo:
        if not all((folder / name).is_file() for name in names):
            announce(checkpoint.repo, checkpoint.weight_bytes() or 0)
        folder = fetch(checkpoint.repo, checkpoint.revision, [*names, *(["*.py"] if code else [])])
    files = [folder / name for name in names]
    for file in files:
        if not file.is_file():
            raise InputError(f"{entry.source}: {file.name} is missing")
    content = _content(folder, files, code=code)
    model, processor = _from_pretrained(
        checkpoint, folder, dtype, code=code, generative=sort == "generative"
    )
    return Loaded(model.to(device).eval(), processor, content, checkpoint)


def _check_processor(checkpoint: Checkpoint) -> None:
    folder, source = checkpoint.folder, checkpoint.source
    if not any((folder / name).is_file() for name in _PROCESSOR):
        raise InputError(f"{source} has no {' or '.join(_PROCESSOR)}: how pictures are prepared")
    if any((folder / name).is_file() for name in _TOKENIZER):
        return
    pieces = [name for name in _SENTENCEPIECE if (folder / name).is_file()]
    if not pieces:
        raise InputError(f"{source} has no tokenizer (tokenizer.json, vocab.txt, vocab.json)")
    if importlib.util.find_spec("sentencepiece") is None:
        raise _needs_more(source, pieces[0])


def _needs_more(source: str, what: str) -> MissingExtraError:
    return MissingExtraError(
        f"{source}: its tokenizer or processor needs more than is installed ({what}): "
        "pip install 'gdbench[tokenizers]'"
    )


def _content(folder: Path, files: Sequence[Path], *, code: bool) -> Content:
    """Hashes of weights, configurations, tokenizer, and of Python that was asked for."""
    settings = [folder / name for name in (*_PROCESSOR, "video_preprocessor_config.json")]
    parts = {
        "weights": digest_safetensors(files),
        "config": digest_json(folder / "config.json"),
        "preprocessing": digest_config(
            {p.name: read_json_object(p) for p in settings if p.is_file()}
        ),
        "tokenizer": digest_tokenizer(folder),
    }
    template = folder / "chat_template.json"
    if template.is_file():
        parts["chat_template"] = digest_json(template)
    if code:
        sources = sorted(folder.glob("*.py"))
        parts["code"] = digest_config({p.name: digest_text(p.read_bytes()) for p in sources})
    return Content(parts=parts)


def _from_pretrained(
    checkpoint: Checkpoint, folder: Path, dtype: torch.dtype, *, code: bool, generative: bool
) -> tuple[Any, Any]:
    import transformers

    made: Any = getattr(transformers, checkpoint.architecture or "-", None)
    if code or made is None:
        made = transformers.AutoModelForImageTextToText if generative else transformers.AutoModel
    more: dict[str, Any] = {"trust_remote_code": True} if code else {}
    bars: Any = transformers.utils.logging
    shown = bars.is_progress_bar_enabled()
    bars.disable_progress_bar()
    try:
        processor = transformers.AutoProcessor.from_pretrained(
            folder, local_files_only=True, **more
        )
        model, report = made.from_pretrained(
            folder, dtype=dtype, local_files_only=True, use_safetensors=True,
            output_loading_info=True, **more,
        )  # fmt: skip
    except ImportError as error:
        words = " ".join(str(error).split())
        raise _needs_more(checkpoint.source, words[:120]) from error
    except Exception as error:
        # configurations of others fail in any way
        if is_out_of_memory(error):
            raise
        words = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise InputError(f"{checkpoint.source}: transformers cannot load it: {words}") from error
    finally:
        if shown:
            bars.enable_progress_bar()
    missing = sorted(report["missing_keys"])
    if missing:
        raise InputError(
            f"{checkpoint.source}: {len(missing)} tensors are missing, {missing[0]} among them"
        )
    for part in ("image_processor", "tokenizer"):
        if getattr(processor, part, None) is None:
            raise InputError(
                f"{checkpoint.source}: its processor is a {type(processor).__name__} without "
                f"{part}; processor files are missing"
            )
    return model, processor
