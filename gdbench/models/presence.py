"""Whether a model's weights are on this machine, without loading or fetching anything."""

from __future__ import annotations

from pathlib import Path

from huggingface_hub import scan_cache_dir
from huggingface_hub.errors import CacheNotFound

from gdbench.errors import InputError
from gdbench.models.entry import ModelEntry


def cached_repos() -> frozenset[str]:
    """Hub ids of the models in the local cache."""
    try:
        return frozenset(r.repo_id for r in scan_cache_dir().repos if r.repo_type == "model")
    except CacheNotFound:
        return frozenset()


def weights_here(entry: ModelEntry) -> bool:
    """True for bundled models whose folder is there, and for hub models in the cache."""
    if entry.kind == "baseline":
        return True
    if entry.lora is not None and not _lora_here(entry.lora):
        return False
    if entry.bundled:
        return Path(entry.source).is_dir()
    if entry.kind == "open-clip":
        from open_clip.pretrained import get_pretrained_cfg

        architecture, _, tag = entry.source.partition("/")
        hub = str(get_pretrained_cfg(architecture, tag).get("hf_hub", "")).strip("/")
        return bool(hub) and hub in cached_repos()
    return entry.source in cached_repos()


def _lora_here(spec: str) -> bool:
    from gdbench.models.lora import find_lora

    try:
        find_lora(spec)
    except InputError:
        return False
    return True
