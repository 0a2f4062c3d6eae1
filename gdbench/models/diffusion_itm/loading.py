"""Where a pipeline lies: a folder, or the hub's snapshot, fetched if it is not here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from gdbench.errors import InputError
from gdbench.models.diffusion_itm.families import INDEX, family_of
from gdbench.models.diffusion_itm.single_file import folder_of, is_single_file
from gdbench.models.hub import announce, hub_errors

if TYPE_CHECKING:
    import torch

    from gdbench.models.diffusion_itm.families.base import Pipeline
    from gdbench.records import ModelSettings


def find_folder(
    source: str,
    revision: str | None,
    cache_dir: str | Path | None,
    prediction: str | None = None,
) -> Path:
    """The local folder of a model: itself, or the hub's snapshot, fetched if it is not here.

    A single file is converted to one; `prediction` is what the user says that it predicts.

    Raises InputError saying what is missing and how to get it.
    """
    path = Path(source).expanduser()
    if path.is_dir():
        return path
    if is_single_file(path):
        return folder_of(path, prediction)
    if path.exists():
        raise InputError(f"{source} is a file; a model is a folder of a diffusers pipeline")
    if source.startswith((".", "/", "~")) or source.count("/") != 1 or "\\" in source:
        raise InputError(
            f"{source}: no such folder; give the folder of a diffusers pipeline or a hub id "
            "such as owner/name"
        )
    return _from_hub(source, revision, cache_dir)


def _from_hub(repo: str, revision: str | None, cache_dir: str | Path | None) -> Path:
    """Configurations first; weights only of the parts that the family reads."""
    folder = configurations(repo, revision, cache_dir)
    # raises for a pipeline that cannot be scored, before gigabytes are fetched
    family = family_of(folder)
    family.check_json(folder)
    parts = [part for part in family.components if (folder / part.name).is_dir()]
    for variant in ("", ".fp16"):
        patterns = [INDEX, *(p for part in parts for p in part.patterns(variant))]
        _announce(repo, revision, cache_dir, patterns)
        folder = _snapshot(repo, revision, cache_dir, patterns)
        if any((folder / family.network_part).glob("*.safetensors")):
            break
    return folder


def configurations(
    repo: str, revision: str | None = None, cache_dir: str | Path | None = None
) -> Path:
    """The folder of a snapshot with the JSON files of all parts. Raises InputError."""
    return _snapshot(repo, revision, cache_dir, [INDEX, "*/*.json"])


def _announce(
    repo: str, revision: str | None, cache_dir: str | Path | None, patterns: list[str]
) -> None:
    """Say the size of a large download."""
    import huggingface_hub as hub

    files: Any
    try:
        files = hub.snapshot_download(
            repo, revision=revision, cache_dir=cache_dir, allow_patterns=patterns, dry_run=True
        )
    except Exception:  # noqa: BLE001 # the download itself says what is wrong
        return
    announce(repo, sum(file.file_size or 0 for file in files if file.will_download))


def _snapshot(
    repo: str, revision: str | None, cache_dir: str | Path | None, patterns: list[str]
) -> Path:
    """The folder of a snapshot with the files of some patterns. Raises InputError."""
    import huggingface_hub as hub

    with hub_errors(repo, revision):
        return Path(
            hub.snapshot_download(
                repo, revision=revision, cache_dir=cache_dir, allow_patterns=patterns
            )
        )


def load_pipeline(
    folder: Path,
    device: torch.device,
    dtype: torch.dtype,
    settings: ModelSettings | None = None,
    *,
    offload: bool = False,
) -> Pipeline:
    """A pipeline, read by the family that its class belongs to; see `Pipeline.load`."""
    return family_of(folder).load(folder, device, dtype, settings, offload=offload)
