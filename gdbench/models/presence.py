"""Whether a model's weights are on this machine, without loading or fetching anything."""

from __future__ import annotations

from huggingface_hub import scan_cache_dir
from huggingface_hub.errors import CacheNotFound


def cached_repos() -> frozenset[str]:
    """Hub ids of the models in the local cache."""
    try:
        return frozenset(r.repo_id for r in scan_cache_dir().repos if r.repo_type == "model")
    except CacheNotFound:
        return frozenset()
