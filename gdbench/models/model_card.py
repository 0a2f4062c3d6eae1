"""What a repository's own README says in its front matter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from huggingface_hub.repocard import metadata_load

_LONGEST = 120


def front_matter(folder: Path) -> dict[str, Any]:
    """The YAML at the head of README.md as a dict; empty where there is none, or none that reads.

    A card is somebody's text: a fault in it is no reason to refuse the model.
    """
    path = folder / "README.md"
    if not path.is_file():
        return {}
    try:
        data = metadata_load(path)
    except Exception:  # noqa: BLE001 # YAML of others fails in many ways
        return {}
    return data if isinstance(data, dict) else {}


def licence_of(folder: Path) -> str:
    """The licence that README.md names: its name where it is `other`; empty where it has none."""
    data = front_matter(folder)
    named = data.get("license")
    if isinstance(named, list):
        named = ", ".join(map(str, named))
    if named == "other" or named is None:
        named = data.get("license_name") or data.get("license_link") or named
    return "" if named is None else " ".join(str(named).split())[:_LONGEST]
