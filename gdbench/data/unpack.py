"""Archives from the web, unpacked so that they can do no harm.

Refused: names that lead out of the folder, links, devices, and archives that unfold to more than
is plausible. Nothing appears in the folder before the whole archive was read.
"""

from __future__ import annotations

import re
import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from gdbench.data.download import check_free_space
from gdbench.errors import InputError

MAX_BYTES = 80_000_000_000
MAX_FILES = 2_000_000
MAX_RATIO = 300  # deflate reaches 1,032 on zeros; pictures hardly compress at all
_RATIO_FROM = 50_000_000  # small files may compress as they like
_CHUNK = 1 << 18
Member = tuple[str, int, IO[bytes]]


def unpack(
    archive: Path, folder: Path, *, max_bytes: int = MAX_BYTES, max_files: int = MAX_FILES
) -> int:
    """Unpack a .zip, .tar, .tar.gz or .tgz into `folder` and return the number of files.

    Raises:
        InputError: The archive is damaged or not to be trusted; nothing was unpacked.
    """
    folder.mkdir(parents=True, exist_ok=True)
    check_free_space(folder, archive.stat().st_size)
    limit = min(max_bytes, max(archive.stat().st_size * MAX_RATIO, _RATIO_FROM))
    with tempfile.TemporaryDirectory(prefix=".unpacking-", dir=folder) as name:
        scratch = Path(name)
        try:
            files = _write_members(archive, scratch, limit, max_files)
        except (
            zipfile.BadZipFile,
            tarfile.TarError,
            EOFError,
            zlib.error,
            NotImplementedError,  # a compression that zipfile does not know
            RuntimeError,  # an encrypted member
        ) as error:
            raise InputError(f"{archive}: damaged archive ({error}); fetch it again") from error
        except OSError as error:
            raise InputError(f"{archive}: cannot be unpacked ({error})") from error
        _move(scratch, folder, files)
    return len(files)


def _write_members(archive: Path, scratch: Path, limit: int, max_files: int) -> list[str]:
    written = 0
    files: list[str] = []
    for name, size, source in _members(archive):
        _check_name(archive, name)
        if len(files) >= max_files:
            raise InputError(f"{archive}: more than {max_files:,} files")
        if written + size > limit:
            raise InputError(
                f"{archive}: unfolds to more than {limit:,} bytes, which no picture archive of "
                "its size does"
            )
        target = scratch / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with source, target.open("xb") as file:
            while data := source.read(_CHUNK):
                written += len(data)
                if written > limit:
                    raise InputError(f"{archive}: unfolds to more than {limit:,} bytes")
                file.write(data)
        files.append(name)
    return files


def _members(archive: Path) -> Iterator[Member]:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as packed:
            for info in packed.infolist():
                kind = stat.S_IFMT(info.external_attr >> 16)
                if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                    raise InputError(f"{archive}: {info.filename!r} is a link or device")
                if info.is_dir() or _is_clutter(info.filename):
                    _check_name(archive, info.filename)
                    continue
                yield info.filename, info.file_size, packed.open(info)
    elif tarfile.is_tarfile(archive):
        with tarfile.open(archive) as packed:
            for member in packed:
                if member.isdir() or _is_clutter(member.name):
                    _check_name(archive, member.name)
                    continue
                source = packed.extractfile(member) if member.isreg() else None
                if source is None:
                    raise InputError(f"{archive}: {member.name!r} is a link or device")
                yield member.name, member.size, source
    else:
        raise InputError(f"{archive}: neither a zip nor a tar archive; fetch it again")


def _is_clutter(name: str) -> bool:
    path = PurePosixPath(name)
    return "__MACOSX" in path.parts or path.name in (".DS_Store", "Thumbs.db")


def _check_name(archive: Path, name: str) -> None:
    parts = PurePosixPath(name).parts
    outside = name.startswith("/") or ".." in parts or "\\" in name or re.match(r"[A-Za-z]:", name)
    if outside or re.search(r"[\x00-\x1f]", name):
        raise InputError(f"{archive}: {name!r} leads out of the folder; do not trust this archive")


def _move(scratch: Path, folder: Path, files: list[str]) -> None:
    real = folder.resolve()
    for name in files:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.parent.resolve().is_relative_to(real):
            raise InputError(f"{target.parent} is a link out of {folder}; remove it first")
        shutil.move(scratch / name, target)
