"""Gets what is open of the published data; says how to get what is not."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from gdbench.data.catalogue import Download, Entry, HubSet, entry_of
from gdbench.data.download import DownloadError, Progress, download, no_progress
from gdbench.data.hub import PIN, pinned_revision
from gdbench.data.loading import default_root
from gdbench.data.pins import Pins, check_unchanged
from gdbench.data.unpack import unpack
from gdbench.errors import GdbenchError, InputError
from gdbench.numbers import size_in_bytes
from gdbench.store import write_atomically

Layout = Literal["auto", "hub", "2023"]
LEDGER = "downloads.json"


def check_space(entry: Entry, root: Path) -> str:
    """What of the plain files is not here, how large it is, and how much of the disk is free.

    Archives need their size twice while they are unpacked. Raises InputError where the disk has
    less than the known sizes.
    """
    lacking = [file for file in entry.downloads if not file.is_here(root)]
    known = sum(file.size or 0 for file in lacking)
    needed = sum((file.size or 0) * (2 if file.unpack else 1) for file in lacking)
    unknown = sum(file.size is None for file in lacking)
    root.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(root).free
    more = f" and {unknown} of unknown size" if unknown else ""
    text = f"{len(lacking)} files to fetch, {size_in_bytes(known)}{more}; "
    text += f"{size_in_bytes(free)} of the disk are free"
    if needed > free:
        raise InputError(f"{root}: {text}, {size_in_bytes(needed)} are needed to unpack them")
    return text


@dataclass(frozen=True)
class Outcome:
    """What became of one part."""

    done: bool
    text: str


def takes_files(entry: Entry, layout: Layout) -> bool:
    """Whether plain files are fetched, not only the hub's data sets."""
    return layout == "2023" or entry.hub_role != "enough"


def fetch_task(
    task: str,
    root: Path | None,
    layout: Layout = "auto",
    progress: Progress = no_progress,
    entry: Entry | None = None,
    pins: Pins | None = None,
) -> Iterator[Outcome]:
    """Fetch the parts of a task one after the other; a part that fails does not stop the others.

    `auto` takes the hub's data sets where they are enough, else the files of the 2023 layout and
    what only the hub has. `entry`: of a plug-in. `pins`: sums of files of plain web servers.
    """
    entry = entry_of(task, entry)
    where = default_root() if root is None else root
    where.mkdir(parents=True, exist_ok=True)
    use_hub = layout == "hub" or (layout == "auto" and entry.hub_role != "instead")
    use_files = takes_files(entry, layout)
    if layout == "hub" and not entry.hub:
        yield Outcome(False, f"{task} is not on the hub")  # noqa: FBT003 # a field, named above
        return
    for part in entry.hub if use_hub else ():
        yield _attempt(part.id, lambda part=part: fetch_hub(part, where))  # type: ignore[misc] # a default argument binds the loop variable
    pictures_from_hub = layout == "hub" and entry.hub_role == "instead"
    for file in entry.downloads if use_files else ():
        if not (pictures_from_hub and file.unpack):
            yield _attempt(file.url, lambda file=file: fetch_file(file, where, progress, pins))  # type: ignore[misc] # same
    if task == "svo" and use_hub:
        from gdbench.data.svo_pictures import fetch_pictures

        yield _attempt("pictures", lambda: fetch_pictures(where, progress))
    for words in entry.by_hand if layout == "2023" or not entry.hub else ():
        yield Outcome(True, f"by hand: {words}")  # noqa: FBT003 # same


def _attempt(name: str, action: Callable[[], str]) -> Outcome:
    try:
        return Outcome(True, action())  # noqa: FBT003 # same
    except GdbenchError as error:
        text = str(error)
        return Outcome(False, text if text.startswith(name) else f"{name}: {text}")  # noqa: FBT003 # same


def fetch_file(
    file: Download, root: Path, progress: Progress = no_progress, pins: Pins | None = None
) -> str:
    """Fetch one file (and unpack it), unless it is here; what it is has to be what it was.

    The sum of the first fetch is kept below the root and in `pins`, and compared from then on; a
    file that was put there by hand is taken as the first fetch. Of an archive, which is removed
    once it is unpacked, the sum alone is kept.

    Raises DownloadError, InputError.
    """
    pins = pins or Pins()
    known = _ledger(root).get(file.url, {})
    target = root / file.target
    expected = file.sha256 or pins.get(file.url) or str(known.get("sha256", ""))
    if file.is_here(root):
        if file.unpack:
            by = f"sha256 {known['sha256'][:12]}" if known else "put there by hand"
            return f"{file.target}: is here ({by})"
        found = check_unchanged(target, expected)
        _record(root, file, found, pins)
        by = "" if known else ", put there by hand"
        return f"{file.target}: is here (sha256 {found[:12]}{by})"
    found, where = _from_any(file, target, expected, progress)
    text = f"{file.target}: fetched{where}, sha256 {found[:12]}"
    if file.unpack:
        n = unpack(target, root / file.unpack)
        target.unlink()
        text = f"{file.target}: {n:,} files unpacked to {file.unpack}/{where}, sha256 {found[:12]}"
    _record(root, file, found, pins)
    return text


def _record(root: Path, file: Download, digest: str, pins: Pins) -> None:
    """Keep the sum of a file for the next fetch, here and wherever the pins go."""
    ledger = _ledger(root)
    if file.url not in ledger:
        ledger = ledger | {file.url: {"sha256": digest, "target": file.target}}
        write_atomically(root / LEDGER, json.dumps(ledger, indent=2, sort_keys=True).encode())
    pins.add(file.url, digest)


def _from_any(file: Download, target: Path, expected: str, progress: Progress) -> tuple[str, str]:
    """Hash of the file and, where the first address failed, words that name the one it is from.

    Raises DownloadError with the reason of every address.
    """
    reasons = []
    for url in (file.url, *file.alternatives):
        try:
            found = download(url, target, sha256=expected, progress=progress)
        except DownloadError as error:
            reasons.append(str(error))
        else:
            return found, f" from {url} ({'; '.join(reasons)})" if reasons else ""
    raise DownloadError("; ".join(reasons))


def _ledger(root: Path) -> dict[str, dict[str, str]]:
    """What was fetched to this root before: address -> sha256 and place."""
    try:
        found = json.loads((root / LEDGER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


class _GoneError(DownloadError):
    """A data set, or the revision that is wanted of it, is not on the hub."""


def fetch_hub(hub: HubSet, root: Path) -> str:
    """Fetch a snapshot at the pinned revision, check every file, and note the commit.

    Where the data set has moved its other ids are tried in order, at the commit found there.

    Raises:
        DownloadError: No access, not there, no connection, or a file that differs from the hub's
            own hash; with what to do about it.
    """
    reasons = []
    for name in (hub.id, *hub.moved):
        try:
            text = _snapshot(hub, name, root)
        except _GoneError as error:
            reasons.append(str(error))
        else:
            return f"{text}, in place of {hub.id} ({'; '.join(reasons)})" if reasons else text
    raise DownloadError("; ".join(reasons))


def _snapshot(hub: HubSet, name: str, root: Path) -> str:
    """Fetch the data set under one of its ids; raises as `fetch_hub`."""
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    from gdbench.hub_http import HTTP_FAULTS

    folder = root / hub.folder
    pinned = pinned_revision(folder, name)
    wanted = (hub.revision or pinned) if name == hub.id else pinned
    api = HfApi()
    try:
        commit = wanted or api.dataset_info(name).sha
        if commit is None:
            raise DownloadError(f"{name}: the hub names no commit")
        snapshot_download(
            name,
            repo_type="dataset",
            revision=commit,
            local_dir=folder,
            allow_patterns=list(hub.patterns) or None,
        )
        entries = list(
            api.list_repo_tree(name, recursive=True, revision=commit, repo_type="dataset")
        )
    except GatedRepoError as error:
        raise DownloadError(
            f"{name} is gated: {hub.gated or 'ask for access on its page'}"
        ) from error
    except RevisionNotFoundError as error:
        raise _GoneError(f"{name}: revision {wanted} is not there any more") from error
    except RepositoryNotFoundError as error:
        login = f" (or gated: {hub.gated})" if hub.gated else ""
        raise _GoneError(f"{name} is not on the hub{login}") from error
    except (
        EntryNotFoundError,
        LocalEntryNotFoundError,
        *HTTP_FAULTS,
        OSError,
    ) as error:
        reason = str(error).strip().splitlines()
        raise DownloadError(
            f"{name}: {reason[0].removeprefix('Got: ') if reason else type(error).__name__}; "
            "start the same command again to go on"
        ) from error
    hashes = _verify(folder, entries, name)
    pin = {"id": name, "revision": commit, "files": hashes}
    write_atomically(folder / PIN, json.dumps(pin, indent=2, sort_keys=True).encode())
    return f"{name}: {len(hashes)} files at {commit[:12]}"


def _verify(folder: Path, entries: list[Any], name: str) -> dict[str, str]:
    """sha256 of every file, compared with what the hub says of it."""
    hashes: dict[str, str] = {}
    for entry in entries:
        path = folder / entry.path
        if not path.is_file():
            continue
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        lfs = getattr(entry, "lfs", None)
        if lfs is not None:
            good = digest == lfs.sha256
        else:
            data = path.read_bytes()
            git = hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False)
            good = git.hexdigest() == getattr(entry, "blob_id", "")
        if not good:
            path.unlink()
            raise DownloadError(
                f"{name}: {entry.path} differs from the hub's hash and was thrown away; "
                "start the same command again"
            )
        hashes[entry.path] = digest
    return hashes
