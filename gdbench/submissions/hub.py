"""`gdbench push` and `gdbench pull`: runs and submissions as a data set repository on the hub.

Only files that gdbench writes travel, by their names: nothing else in a folder is uploaded, and
nothing else in a repository is written to disk. What was pulled is a stranger's until verified, and
public logs do not travel: a stranger's would speak for the stranger.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gdbench.errors import GdbenchError, InputError
from gdbench.readable import shown
from gdbench.submissions.layout import RECORD, RUN, SCORES
from gdbench.submissions.untrusted import MAX_SCORES_BYTES, below
from gdbench.submissions.verify import NOT_AT_HAND, verify

_NAME = r"[A-Za-z0-9][A-Za-z0-9._+-]{0,95}"
_TRAVELS = re.compile(
    rf"(?:{_NAME}/{_NAME}/{_NAME}/(?:{re.escape(RECORD)}|{re.escape(SCORES)})"
    rf"|runs/{_NAME}/{re.escape(RUN)}"
    rf"|runs/{_NAME}/{_NAME}/(?:task\.json|record\.sha256|{re.escape(RECORD)}|{re.escape(SCORES)}))\Z"
)
_REPO = re.compile(rf"{_NAME}/{_NAME}\Z")
_CARD = """---
tags:
- gdbench
- image-text-matching
pretty_name: gdbench results
---

# gdbench results

Records and scores of image-text matching models, written by `gdbench push`.
`gdbench pull {repo} --to submissions` fetches them and recomputes every number.
"""


@dataclass(frozen=True)
class Pushed:
    """What was uploaded."""

    url: str
    files: tuple[str, ...]


@contextmanager
def hub_faults(repo: str) -> Iterator[None]:
    """Turn what the hub client raises into one line."""
    from huggingface_hub import errors

    from gdbench.hub_http import HTTP_FAULTS
    from gdbench.models.hub import reason

    try:
        yield
    except errors.GatedRepoError as error:
        raise GdbenchError(f"{repo} is gated: accept its conditions on the hub first") from error
    except errors.RepositoryNotFoundError as error:
        raise GdbenchError(
            f"{repo} is not there, or is private and you are not logged in (`hf auth login`)"
        ) from error
    except errors.RevisionNotFoundError as error:
        raise GdbenchError(f"{repo} has no such revision") from error
    except errors.LocalTokenNotFoundError as error:
        raise GdbenchError(
            "not logged in to the hub: run `hf auth login` or set HF_TOKEN"
        ) from error
    except errors.HfHubHTTPError as error:
        status = error.response.status_code
        hint = "; run `hf auth login` with a token that may write" if status in (401, 403) else ""
        raise GdbenchError(f"the hub answered {status} for {repo}{hint}") from error
    except (*HTTP_FAULTS, OSError) as error:
        raise GdbenchError(
            f"{repo}: the hub cannot be reached ({shown(reason(error), 120)})"
        ) from error


def check_repo(repo: str) -> str:
    """The repository id. Raises InputError where it is not OWNER/NAME."""
    if not _REPO.match(repo):
        raise InputError(f"{repo!r} is not a repository; give OWNER/NAME")
    return repo


def files_of(folder: Path) -> dict[str, Path]:
    """What of a run or a folder of submissions is uploaded: path in the repository -> file.

    Raises InputError where the folder is neither, or does not verify.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; give a run or a folder of submissions")
    prefix = f"runs/{folder.resolve().name}/" if (folder / RUN).is_file() else ""
    found = {}
    for path in sorted(below(folder)):
        name = prefix + path.relative_to(folder).as_posix()
        if _TRAVELS.match(name) and path.is_file() and not path.is_symlink():
            found[name] = path
    if not any(name.endswith("/" + RECORD) for name in found):
        raise InputError(f"{folder} is neither a finished run nor a folder of submissions")
    wrong = [p for p in verify(folder).problems if p.check not in NOT_AT_HAND]
    if wrong:
        raise InputError(f"{folder} does not verify: {wrong[0].path}: {wrong[0].problem}")
    return found


def push(folder: Path, repo: str, *, private: bool = False, pull_request: bool = False) -> Pushed:
    """Upload a run or a folder of submissions in one commit; the repository is made if need be.

    Raises GdbenchError with one line where the folder or the hub says no.
    """
    from huggingface_hub import CommitOperationAdd, HfApi

    check_repo(repo)
    files = files_of(folder)
    api = HfApi()
    with hub_faults(repo):
        api.create_repo(repo, repo_type="dataset", private=private, exist_ok=True)
        operations = [CommitOperationAdd(name, str(path)) for name, path in files.items()]
        if not api.file_exists(repo, "README.md", repo_type="dataset"):
            operations.append(CommitOperationAdd("README.md", _CARD.format(repo=repo).encode()))
        commit = api.create_commit(
            repo,
            operations,
            commit_message=f"gdbench results: {len(files)} files",
            repo_type="dataset",
            create_pr=pull_request,
        )
    return Pushed(str(commit.pr_url or commit.commit_url), tuple(files))


def pull(repo: str, to: Path, *, revision: str | None = None) -> list[Path]:
    """Download the runs and submissions of a repository; files that differ are not overwritten.

    Raises GdbenchError where the hub says no, a file is too large, or a file here differs.
    """
    from huggingface_hub import snapshot_download

    check_repo(repo)
    with tempfile.TemporaryDirectory(prefix="gdbench-pull-") as name:
        with hub_faults(repo):
            patterns = [f"*{n}" for n in (RECORD, SCORES, RUN, "task.json", "record.sha256")]
            snapshot_download(
                repo,
                repo_type="dataset",
                revision=revision,
                local_dir=name,
                allow_patterns=patterns,
            )
        source = Path(name)
        wanted = {}
        for path in sorted(below(source)):
            place = path.relative_to(source).as_posix()
            if _TRAVELS.match(place) and path.is_file() and not path.is_symlink():
                wanted[place] = path
        if not wanted:
            raise InputError(f"{repo} has no runs or submissions of gdbench")
        for place, path in wanted.items():
            _check_target(path, to / place)
        for place, path in wanted.items():
            (to / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, to / place)
    return [to / place for place in wanted]


def _check_target(path: Path, target: Path) -> None:
    if path.stat().st_size > MAX_SCORES_BYTES:
        raise InputError(f"{target.name} has {path.stat().st_size} bytes, too many for results")
    if target.is_symlink() or (target.exists() and target.read_bytes() != path.read_bytes()):
        raise InputError(f"{target} is there already and differs; choose another --to")
