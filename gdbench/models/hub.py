"""The hub of Hugging Face: small files, sizes, weights, and what it says when it says no."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import HfApi, errors, snapshot_download

from gdbench.errors import InputError
from gdbench.hub_http import HTTP_FAULTS, NO_ANSWER_IN_TIME
from gdbench.models.presence import cached_repos
from gdbench.terminal import note

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+\Z")
_ANNOUNCED = 10**9  # bytes
_OWN_ERRORS = (
    *HTTP_FAULTS, errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled,
    errors.HFValidationError, OSError,
)  # fmt: skip
# what stands before the words that a person understands
_PREFIX = re.compile(r"^(Got: )?(\w+(Error|Timeout): )?(\[Errno -?\d+\] )?")


def reason(error: Exception) -> str:
    """Why the hub did not answer, in a few words: no class of error and no number of one."""
    if isinstance(error, NO_ANSWER_IN_TIME):
        return "no answer in time"
    words = str(error).strip()
    first = _PREFIX.sub("", words.splitlines()[0])[:160].strip() if words else ""
    return first.rstrip(".") or "no answer"


def said_by_the_hub(error: Exception, repo: str, revision: str | None) -> InputError:
    """One line with what to do about an error of huggingface_hub."""
    if isinstance(error, errors.GatedRepoError):
        return InputError(
            f"{repo} is gated: open https://huggingface.co/{repo} in a browser, accept its terms, "
            "then run `hf auth login` (or set HF_TOKEN)"
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return InputError(f"{repo} has no revision {revision!r} on the hub")
    if isinstance(error, errors.RepositoryNotFoundError):
        return InputError(
            f"{repo} is not on the hub, or private: check the id (several Stable Diffusion "
            "repositories were moved), or log in with `hf auth login`"
        )
    if isinstance(error, errors.HFValidationError):
        return InputError(f"{repo!r} is neither a folder nor a valid hub id (owner/name)")
    return InputError(
        f"{repo} is not in the local cache and the hub cannot be reached ({reason(error)}). "
        f"Fetch it where there is a network: hf download {repo}"
    )


@contextmanager
def hub_errors(repo: str, revision: str | None) -> Iterator[None]:
    """Turn what the hub's client raises in a block into an InputError of one line."""
    try:
        yield
    except _OWN_ERRORS as error:
        raise said_by_the_hub(error, repo, revision) from error


def fetch(repo: str, revision: str | None, patterns: Sequence[str]) -> Path:
    """The local snapshot with the files of a repository's top folder that match.

    What is in the cache is not fetched again, and serves where there is no network. Raises
    InputError saying how to get what is not to be had.

    Args:
        repo: hub id.
        revision: branch, tag or commit; None: the newest.
        patterns: names, with `*`.
    """
    with hub_errors(repo, revision):
        return Path(
            snapshot_download(
                repo,
                revision=revision,
                allow_patterns=list(patterns),
                ignore_patterns=["*/*"],
            )
        )


@dataclass(frozen=True)
class About:
    """What the hub knows of a repository."""

    files: Mapping[str, int]
    """Bytes by path."""
    commit: str
    gated: bool


def about(repo: str, revision: str | None) -> About | None:
    """What the hub says of a repository; None where it cannot be asked."""
    try:
        info = HfApi().model_info(repo, revision=revision, files_metadata=True)
    except _OWN_ERRORS:
        return None
    files = {s.rfilename: int(s.size or 0) for s in info.siblings or ()}
    return About(files, info.sha or "", bool(info.gated))


def refuse_unreachable(repo: str) -> None:
    """Raise InputError at once where a model is not cached and the hub cannot give it.

    A library that fetches by itself would ask again and again for a minute.
    """
    if repo not in cached_repos():
        with hub_errors(repo, None):
            HfApi().model_info(repo)


def announce(repo: str, n_bytes: int) -> None:
    """Say how much will be fetched, where it is over 1 GB."""
    if n_bytes > _ANNOUNCED:
        note(f"fetching {n_bytes / 1e9:.1f} GB of weights of {repo} from the hub")
