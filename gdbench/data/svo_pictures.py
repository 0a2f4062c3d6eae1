"""The pictures of SVO-Probes, from the addresses of its annotations; many are dead by now."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from gdbench.data.catalogue import CATALOGUE
from gdbench.data.download import DownloadError, Progress, download, no_progress
from gdbench.data.hub import HubRows
from gdbench.data.images import FileImage
from gdbench.data.problems import Problems
from gdbench.errors import InputError
from gdbench.store import write_atomically

DEAD = "svo/dead.json"
_MAX_BYTES = 60_000_000
_WORKERS = 8


def addresses(root: Path) -> dict[str, str]:
    """Picture id -> address. Raises InputError where the annotations cannot be read."""
    problems = Problems()
    rows = HubRows.open(root, CATALOGUE["svo"].hub[0], problems)
    found: dict[str, str] = {}
    if rows is not None:
        for _, row in rows.texts("pos_url", "neg_url", "pos_image_id", "neg_image_id"):
            for side in ("pos", "neg"):
                found[str(row[f"{side}_image_id"])] = str(row[f"{side}_url"])
    if problems.rows:
        raise InputError("; ".join(" ".join(row.values()) for row in problems.rows))
    return found


def fetch_pictures(root: Path, progress: Progress = no_progress) -> str:
    """Fetch what is alive to `svo/images/<id>.jpg`; what is dead is not asked for again.

    Delete `svo/dead.json` to ask anew.
    """
    wanted = addresses(root)
    dead = _read(root / DEAD)
    open_ids = [
        name for name in wanted
        if name not in dead and not (root / "svo/images" / f"{name}.jpg").exists()
    ]  # fmt: skip
    done = 0
    with ThreadPoolExecutor(_WORKERS) as pool:
        for name, reason in pool.map(lambda n: (n, _one(root, n, wanted[n])), open_ids):
            done += 1
            progress("svo/images", done, len(open_ids))
            if reason:
                dead[name] = reason
    if open_ids:
        write_atomically(root / DEAD, json.dumps(dead, indent=2, sort_keys=True).encode())
    alive = len(wanted) - sum(name in dead for name in wanted)
    return f"svo/images: {alive:,} of {len(wanted):,} pictures, {len(dead):,} are gone"


def _one(root: Path, name: str, url: str) -> str:
    """Fetch one picture; returns why not, or nothing."""
    if not name.isalnum():
        return "the id is no file name"
    target = root / "svo/images" / f"{name}.jpg"
    try:
        download(url, target, max_bytes=_MAX_BYTES, timeout=15, attempts=2)
        FileImage(target, root).open()
    except DownloadError as error:
        return str(error)
    except InputError as error:  # an error page instead of a picture
        target.unlink(missing_ok=True)
        return str(error)
    return ""


def _read(path: Path) -> dict[str, str]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return dict(found) if isinstance(found, Mapping) else {}
