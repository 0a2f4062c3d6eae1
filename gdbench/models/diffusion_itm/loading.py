"""Where a pipeline lies: a folder, or the hub's snapshot, fetched if it is not here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gdbench.errors import InputError
from gdbench.models.diffusion_itm.families import family_of
from gdbench.models.diffusion_itm.families.sd import PARTS, WEIGHTS
from gdbench.models.diffusion_itm.parts import Parts

if TYPE_CHECKING:
    import torch

HOW_TO_GET_ACCESS = (
    "open https://huggingface.co/{repo} in a browser, accept its terms, then run `hf auth login` "
    "(or set HF_TOKEN)"
)


def find_folder(source: str, revision: str | None, cache_dir: str | Path | None) -> Path:
    """The local folder of a model: itself, or the hub's snapshot, fetched if it is not here.

    Raises InputError saying what is missing and how to get it.
    """
    path = Path(source).expanduser()
    if path.is_dir():
        return path
    if path.exists():
        raise InputError(f"{source} is a file; a model is a folder with {', '.join(PARTS)}")
    if source.startswith((".", "/", "~")) or source.count("/") != 1 or "\\" in source:
        raise InputError(
            f"{source}: no such folder; give a folder in Stable-Diffusion layout or a hub id "
            "such as owner/name"
        )
    return _from_hub(source, revision, cache_dir)


def _from_hub(repo: str, revision: str | None, cache_dir: str | Path | None) -> Path:
    import huggingface_hub as hub
    from huggingface_hub import errors

    def snapshot(variant: str, *, local: bool) -> Path:
        patterns = [f"{part}/*.json" for part in PARTS] + ["tokenizer/*.txt", "model_index.json"]
        for part, stem in WEIGHTS.items():
            patterns += [f"{part}/{stem}{variant}.safetensors"]
            patterns += [f"{part}/{stem}{variant}-[0-9]*.safetensors"]
        folder = hub.snapshot_download(
            repo,
            revision=revision,
            cache_dir=cache_dir,
            allow_patterns=patterns,
            local_files_only=local,
        )
        return Path(folder)

    try:
        folder = snapshot("", local=False)
        if not any((folder / "unet").glob("*.safetensors")):  # published in half precision only
            folder = snapshot(".fp16", local=False)
    except errors.GatedRepoError:
        raise InputError(f"{repo} is gated: {HOW_TO_GET_ACCESS.format(repo=repo)}") from None
    except errors.RevisionNotFoundError:
        raise InputError(f"{repo} has no revision {revision!r} on the hub") from None
    except errors.RepositoryNotFoundError:
        raise InputError(
            f"{repo} is not on the hub, or private: check the id (several Stable Diffusion "
            "repositories were moved), or log in with `hf auth login`"
        ) from None
    except errors.HFValidationError:
        raise InputError(f"{repo!r} is neither a folder nor a valid hub id (owner/name)") from None
    except (errors.HfHubHTTPError, errors.LocalEntryNotFoundError, OSError) as error:
        reason = str(error).strip().splitlines()[0][:160] if str(error).strip() else "no answer"
        raise InputError(
            f"{repo} is not in the local cache and the hub cannot be reached ({reason}); "
            f"fetch it where there is a network: hf download {repo}"
        ) from None
    return folder


def load_parts(folder: Path, device: torch.device, dtype: torch.dtype) -> Parts:
    """All parts of a pipeline, read by the family that its class belongs to.

    The network is in `dtype`; the encoders, which run once per picture or text, in float32. Raises
    InputError naming the file that is missing, broken or of another architecture.
    """
    return family_of(folder).load(folder, device, dtype)
