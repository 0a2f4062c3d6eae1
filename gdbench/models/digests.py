"""Hashes of what a model is made of: tensors, configurations, tokenizers.

A hash covers what is loaded, not how it is spelled: one weight file or shards, whatever their
names, and whatever lies beside them.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from gdbench.errors import InputError
from gdbench.records import canonical

_TOKENIZER_FILES = (
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "vocab.json", "merges.txt", "vocab.txt", "spiece.model", "tokenizer.model",
    "sentencepiece.bpe.model", "chat_template.jinja",
)  # fmt: skip
# Keys of a configuration that name a version, a path or how the file was stored.
_NOT_CONTENT = frozenset(
    {"_diffusers_version", "transformers_version", "_name_or_path", "name_or_path", "_commit_hash",
     "torch_dtype", "dtype", "special_tokens_map_file", "tokenizer_file", "cache_dir",
     "processor_class"}
)  # fmt: skip
_LONGEST_HEADER = 100_000_000  # bytes; safetensors' own limit
_CHUNK = 16 * 2**20


def digest_text(text: str | bytes) -> str:
    """sha256 of a text."""
    return hashlib.sha256(text.encode() if isinstance(text, str) else text).hexdigest()


def digest_config(config: Mapping[str, Any]) -> str:
    """sha256 of a configuration without what names a version, a path or the stored precision."""
    return hashlib.sha256(canonical(_content_of(config))).hexdigest()


def _content_of(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _content_of(v) for k, v in value.items() if k not in _NOT_CONTENT}
    if isinstance(value, (list, tuple)):
        return [_content_of(v) for v in value]
    if isinstance(value, (set, frozenset)):
        return sorted(map(str, value))
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


def read_json_object(path: Path) -> dict[str, Any]:
    """The object in a JSON file. Raises InputError where it is not one."""
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as JSON ({error})") from None
    if not isinstance(config, dict):
        raise InputError(f"{path}: expected a JSON object")
    return config


def digest_json(path: Path) -> str:
    """`digest_config` of a JSON file. Raises InputError where it is not a JSON object."""
    return digest_config(read_json_object(path))


def digest_tokenizer(folder: Path) -> str:
    """sha256 over the tokenizer files of a folder, JSON as `digest_config`."""
    parts = {}
    for name in _TOKENIZER_FILES:
        path = folder / name
        if path.is_file():
            is_settings = name.endswith("_config.json")
            parts[name] = digest_json(path) if is_settings else digest_text(path.read_bytes())
    return hashlib.sha256(canonical(parts)).hexdigest()


def digest_safetensors(files: Iterable[Path]) -> str:
    """sha256 over name, precision, shape and bytes of all tensors of some files, by name.

    Raises InputError where a file is not in safetensors format or a tensor is there twice.
    """
    rows: dict[str, str] = {}
    for path in files:
        for name, row in _tensors_of(path):
            if name in rows:
                raise InputError(f"{path}: the tensor {name} is in two files of the model")
            rows[name] = row
    return hashlib.sha256(canonical(rows)).hexdigest()


def _tensors_of(path: Path) -> Iterable[tuple[str, str]]:
    """Name and hash of every tensor of a file, read once from front to back."""
    try:
        with path.open("rb") as file:
            size = struct.unpack("<Q", file.read(8))[0]
            if size > _LONGEST_HEADER:
                raise InputError(f"{path}: not a safetensors file (its header is too long)")
            header = json.loads(file.read(size))
            header.pop("__metadata__", None)
            start = 8 + size
            for name, entry in sorted(header.items(), key=lambda e: e[1]["data_offsets"]):
                begin, end = entry["data_offsets"]
                digest = hashlib.sha256(f"{entry['dtype']}{entry['shape']}".encode())
                file.seek(start + begin)
                left = end - begin
                while left > 0:
                    chunk = file.read(min(left, _CHUNK))
                    if not chunk:
                        raise InputError(f"{path}: cut short, {left} bytes are missing")
                    digest.update(chunk)
                    left -= len(chunk)
                yield name, digest.hexdigest()
    except (OSError, ValueError, KeyError, TypeError, struct.error, AttributeError) as error:
        raise InputError(f"{path}: not a safetensors file ({error})") from None


def digest_state(state: Mapping[str, Any]) -> str:
    """sha256 over name, shape and float32 bytes of the tensors of a module that is loaded."""
    import torch

    rows = {}
    for name, tensor in state.items():
        flat = tensor.detach().to("cpu", torch.float32).contiguous()
        digest = hashlib.sha256(str(list(tensor.shape)).encode())
        digest.update(flat.numpy().tobytes())
        rows[name] = digest.hexdigest()
    return hashlib.sha256(canonical(rows)).hexdigest()
