"""One writer in a run directory.

The lock is a file that only one process can make (O_CREAT | O_EXCL), because that is the one
promise that local disks and network file systems both keep; flock is missing or local to a node on
many clusters, and dies silently there. The file says who holds it: user, host, process and since
when. It outlives its owner after `kill -9`, and is taken over

* on the same host: as soon as no process has that number and start time, or the machine was
  started anew,
* from another host, whose processes cannot be seen: when its time stamp, which the owner renews
  every 15 seconds, is three minutes old by the clock of the file system.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psutil
from pydantic import BaseModel, ValidationError

from gdbench.errors import GdbenchError
from gdbench.store.files import unwritable

LOCK = ".lock"
HEARTBEAT = 15.0  # seconds
STALE = 180.0  # seconds without a heartbeat
_TAKEOVER_SECONDS = 10.0  # a few system calls take less


class LockedError(GdbenchError):
    """Another process works in the run directory."""


class Owner(BaseModel):
    """Who holds a lock."""

    user: str
    host: str
    pid: int
    started: float
    """When the process was started, in seconds since 1970: numbers of processes come again."""
    boot: str
    since: str

    @classmethod
    def here(cls) -> Owner:
        """This process."""
        pid = os.getpid()
        return cls(
            user=_user(),
            host=socket.gethostname(),
            pid=pid,
            started=psutil.Process(pid).create_time(),
            boot=_boot(),
            since=datetime.now(UTC).isoformat(timespec="seconds"),
        )

    def is_gone(self, silent_seconds: float) -> bool:
        """Whether the owner cannot be at work any more."""
        if self.host != socket.gethostname():
            return silent_seconds > STALE
        if self.boot != _boot():
            return True
        try:
            process = psutil.Process(self.pid)
            running = process.status() != psutil.STATUS_ZOMBIE
            return not running or abs(process.create_time() - self.started) > 1
        except psutil.NoSuchProcess:
            return True
        except psutil.AccessDenied:
            return False


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "unknown"


def _boot() -> str:
    """What tells this start of the machine from others; empty where it does not say."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


@contextlib.contextmanager
def locked(out: Path) -> Iterator[None]:
    """Hold the lock of a run directory, which is made if need be.

    Raises LockedError that names the owner where another process has it, GdbenchError where the
    folder cannot be written to.
    """
    path = out / LOCK
    data = Owner.here().model_dump_json().encode()
    try:
        out.mkdir(parents=True, exist_ok=True)
        if not _made(path, data):
            _take_over(path, data)
    except OSError as error:
        raise unwritable(path, error) from error
    owner, ended = os.getpid(), threading.Event()
    beat = threading.Thread(target=_renew, args=(path, ended), daemon=True, name="run lock")
    beat.start()
    try:
        yield
    finally:
        ended.set()
        # a model may have forked: the lock is not the child's
        if os.getpid() == owner and _content(path) == data:
            path.unlink(missing_ok=True)


def _renew(path: Path, ended: threading.Event) -> None:
    while not ended.wait(HEARTBEAT):
        with contextlib.suppress(OSError):
            os.utime(path)


def _made(path: Path, data: bytes) -> bool:
    """Make a file that nobody else has made; False where it is there."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    except FileExistsError:
        return False
    try:
        os.write(descriptor, data)
        os.fsync(descriptor)
    except OSError:
        path.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)
    return True


def _take_over(path: Path, data: bytes) -> None:
    """Replace the lock of an owner that is gone. Raises LockedError where it is not."""
    guard = path.with_name(f"{LOCK}.takeover")
    deadline = time.monotonic() + _TAKEOVER_SECONDS
    while not (_is_stale(path) and _made(guard, data)):
        if _made(path, data):
            return
        if time.monotonic() > deadline:
            # whoever took over was killed in the middle of it
            guard.unlink(missing_ok=True)
        time.sleep(0.05)
    try:
        while not _made(path, data):
            if _is_stale(path):
                new = path.with_name(f"{LOCK}.{os.getpid()}.tmp")
                new.write_bytes(data)
                # the path is there all the time, so that nobody makes it in between
                new.replace(path)
                return
    finally:
        guard.unlink(missing_ok=True)


def _is_stale(path: Path) -> bool:
    """Whether a lock is there whose owner is gone. Raises LockedError where it is not gone."""
    content = _content(path)
    if content is None:
        return False
    silent = _silent_seconds(path)
    try:
        owner = Owner.model_validate_json(content)
    except ValidationError:
        # one that is just being written has no words yet
        if silent < _TAKEOVER_SECONDS:
            raise LockedError(f"{path.parent}: another process is about to work there") from None
        return True
    if owner.is_gone(silent):
        return True
    raise LockedError(
        f"{path.parent} is in use by {owner.user}, process {owner.pid} on {owner.host}, since "
        f"{owner.since}; wait for it or choose another --out"
    )


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _silent_seconds(path: Path) -> float:
    """How old the lock's time stamp is, by the clock of the file system that sets it."""
    probe = path.with_name(f"{LOCK}.{os.getpid()}.probe")
    try:
        probe.touch()
        return probe.stat().st_mtime - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
    finally:
        probe.unlink(missing_ok=True)
