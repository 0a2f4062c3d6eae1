"""One file over HTTP: resumed where it stopped, checked, and there only when it is whole."""

from __future__ import annotations

import hashlib
import http.client
import ipaddress
import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gdbench.errors import GdbenchError, InputError
from gdbench.store import write_atomically

CHUNK = 1 << 18
_LOCAL_ZONES = ("localhost", "local", "internal", "intranet", "lan", "home", "corp", "arpa", "test")
Progress = Callable[[str, int, int | None], None]
"""Called with (file name, bytes so far, bytes in all or None)."""


class DownloadError(GdbenchError):
    """A file could not be fetched; the text is one line with the address and the reason."""


class _IncompleteError(Exception):
    """The connection ended before the file did."""


def no_progress(name: str, done: int, total: int | None) -> None:
    """Shows nothing."""


def download(
    url: str,
    target: Path,
    *,
    sha256: str = "",
    max_bytes: int | None = None,
    timeout: float = 30.0,
    attempts: int = 4,
    wait: float = 1.0,
    progress: Progress = no_progress,
) -> str:
    """Fetch `url` to `target` and return the sha256 of the file.

    What was received stays in `<target>.part`, and the next call goes on from there if the server
    still has the same file. A cut connection is tried again `attempts` times, after `wait` seconds,
    then twice that, and so on.

    Raises:
        DownloadError: No answer, an error status, a file too long or cut, or a wrong hash.
    """
    if not url.startswith(("http://", "https://")):
        raise DownloadError(f"{url}: only http and https addresses are fetched")
    url = urllib.parse.quote(url, safe=":/?#[]@!$&'()*+,;=%~")  # blanks and accents in old links
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    tag = target.with_name(f"{target.name}.part.json")
    for attempt in range(attempts):
        try:
            _receive(url, part, tag, max_bytes, timeout, progress)
            break
        except urllib.error.HTTPError as error:
            with error:
                raise DownloadError(_status(url, error.code)) from error
        except (ValueError, http.client.InvalidURL) as error:
            raise DownloadError(f"{url}: not an address ({error})") from error
        except (_IncompleteError, OSError, http.client.HTTPException) as error:
            if attempt + 1 == attempts:
                raise DownloadError(
                    f"{url}: {_reason(error)} after {attempts} attempts; "
                    "start the same command again to go on"
                ) from error
            time.sleep(wait * 2**attempt)
    with part.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if sha256 and found != sha256:
        part.unlink()
        tag.unlink(missing_ok=True)
        raise DownloadError(
            f"{url}: sha256 {found[:12]}…, expected {sha256[:12]}…; the file was thrown away"
        )
    part.replace(target)
    tag.unlink(missing_ok=True)
    return found


def _receive(
    url: str, part: Path, tag: Path, max_bytes: int | None, timeout: float, progress: Progress
) -> None:
    have = part.stat().st_size if part.exists() else 0
    known = _known(tag) if have else {}
    headers = {"User-Agent": "gdbench", "Accept-Encoding": "identity"}
    if have and known.get("url") == url and known.get("validator"):
        headers |= {"Range": f"bytes={have}-", "If-Range": str(known["validator"])}
        total = known.get("total")
        if isinstance(total, int) and have == total:
            return
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 # http(s) alone, see above
    opener = urllib.request.build_opener(_Redirects)
    with opener.open(request, timeout=timeout) as answer:
        resumed = answer.status == http.HTTPStatus.PARTIAL_CONTENT
        if resumed and not _starts_at(answer.headers.get("Content-Range", ""), have):
            resumed = False
            part.unlink()
            raise _IncompleteError("the server sent another part than was asked for")
        have = have if resumed else 0
        length = answer.headers.get("Content-Length")
        total = have + int(length) if length and length.isdigit() else None
        if max_bytes is not None and total is not None and total > max_bytes:
            raise DownloadError(f"{url}: {total:,} bytes, at most {max_bytes:,} are expected")
        validator = answer.headers.get("ETag") or answer.headers.get("Last-Modified")
        write_atomically(
            tag, json.dumps({"url": url, "validator": validator, "total": total}).encode()
        )
        with part.open("ab" if resumed else "wb") as file:
            while data := answer.read(CHUNK):
                file.write(data)
                have += len(data)
                if max_bytes is not None and have > max_bytes:
                    raise DownloadError(f"{url}: more than {max_bytes:,} bytes")
                progress(part.stem, have, total)
    if total is not None and have < total:
        raise _IncompleteError(f"cut after {have:,} of {total:,} bytes")


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to the same server, else to https and public names alone.

    Otherwise a published address could send a reader to a service of his own network.
    """

    def redirect_request(  # as urllib calls it
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        old, new = (urllib.parse.urlsplit(url) for url in (req.full_url, newurl))
        same = (old.scheme, old.netloc) == (new.scheme, new.netloc)
        if not same and (new.scheme != "https" or not is_public(new.hostname or "")):
            raise DownloadError(
                f"{req.full_url}: sends on to {newurl[:200]!a}; only https and public names are "
                "followed"
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def is_public(host: str) -> bool:
    """Whether a host is named in public: no address, no name without a dot, no local zone."""
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        labels = host.lower().rstrip(".").split(".")
        digits = labels[-1].removeprefix("0x")
        numeric = digits.isdigit()  # 127.1 and the like are addresses too
        return len(labels) > 1 and not numeric and labels[-1] not in _LOCAL_ZONES
    return False


def _known(tag: Path) -> dict[str, Any]:
    try:
        found = json.loads(tag.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _starts_at(content_range: str, start: int) -> bool:
    match = re.match(r"bytes (\d+)-", content_range)
    return match is not None and int(match[1]) == start


def _status(url: str, code: int) -> str:
    meaning = {
        401: "access needs a login: run `hf auth login`",
        403: "access is refused: accept the conditions on the site first",
        404: "not there any more",
        416: "the file has changed: delete its .part and start again",
        429: "too many requests: try again later",
    }.get(code, "the server has a problem: try again later" if code >= 500 else "refused")  # noqa: PLR2004 # server errors
    return f"{url}: HTTP {code}, {meaning}"


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.URLError):
        return f"no connection ({error.reason})"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return str(error) or type(error).__name__


def check_free_space(folder: Path, n_bytes: int) -> None:
    """Raise InputError where a disk has less than `n_bytes` left."""
    import shutil

    free = shutil.disk_usage(folder).free
    if n_bytes > free:
        raise InputError(f"{folder}: {n_bytes:,} bytes are needed, {free:,} are free")
