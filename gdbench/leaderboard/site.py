"""Building the site: records -> board -> pages -> files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gdbench.data.published import Source, published_sources
from gdbench.environment import package_version
from gdbench.errors import GdbenchError, InputError
from gdbench.leaderboard.gather.catalogue import tasks_of
from gdbench.leaderboard.gather.entries import Entry, load
from gdbench.leaderboard.judge.keep import Keep
from gdbench.leaderboard.judge.published.collection import collect
from gdbench.leaderboard.judge.whole import judge
from gdbench.leaderboard.judged.board import Board
from gdbench.leaderboard.show.families import FAMILIES
from gdbench.leaderboard.show.links import PAPER, RELEASE
from gdbench.leaderboard.show.pages import (
    about,
    capabilities,
    changes,
    compare,
    data,
    examples,
    home,
    measured,
    models,
    published,
    tasks,
)
from gdbench.leaderboard.show.render import Renderer, Tree
from gdbench.leaderboard.show.sprite import same_pixels
from gdbench.submissions.logs import Logs
from gdbench.submissions.manifest import ManifestSource

MARKER = "static/site.css"  # a folder with files but without this one is not ours to overwrite
_ADDRESS = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]+)?(/[A-Za-z0-9._~%+-]+)*/?")
NAVIGATION = (
    ("index.html", "Evidence", "home"),
    ("measured/index.html", "Measured", "measured"),
    ("capabilities/index.html", "Capabilities", "capabilities"),
    ("tasks/index.html", "Tasks", "tasks"),
    ("compare/index.html", "Compare", "compare"),
    ("examples/index.html", "Examples", "examples"),
    ("data.html", "Data", "data"),
)


@dataclass(frozen=True)
class Built:
    """What a build did."""

    home: Path
    n_models: int
    n_records: int
    n_files: int
    n_bytes: int


def build(
    submissions: Path | None,
    out: Path,
    *,
    runs: Sequence[Path] = (),
    source: ManifestSource | None = None,
    reported: Sequence[Source] = (),
    address: str = "",
    keep: Keep | None = None,
) -> Built:
    """Build the site of all records into `out`; the same records give the same bytes.

    Args:
        submissions: folder of `<model>/<revision>/<task>/record.json`; None for runs alone.
        out: folder that the site is written to. Files that no longer belong to it are removed.
        runs: run directories whose records are shown as local runs.
        source: where the items of suites other than mini are; without them such results are shown
            as unavailable.
        reported: further numbers that others have published.
        address: where the site will be on the web; empty where that is not known, and then pages
            name no preview picture, whose address has to be whole.
        keep: where judgements of earlier builds are, and those of this one will be.

    Raises:
        InputError: the address is none, a record is invalid or there twice, or scores are damaged
            or not the record's.
        GdbenchError: `out` holds something that is not a site, or cannot be written.
    """
    tree, board = make(submissions, runs, source, reported, address, keep)
    _write(tree, out)
    if keep is not None:
        keep.tidy()
    return Built(
        home=out / "index.html",
        n_models=len(board.models()),
        n_records=len(board.entries),
        n_files=len(tree.files),
        n_bytes=sum(map(len, tree.files.values())),
    )


def make(
    submissions: Path | None,
    runs: Sequence[Path] = (),
    source: ManifestSource | None = None,
    reported: Sequence[Source] = (),
    address: str = "",
    keep: Keep | None = None,
) -> tuple[Tree, Board]:
    """All files of the site, in memory. Raises as `build`."""
    return draw(submissions, load(submissions, runs), source, reported, address, keep)


def draw(
    submissions: Path | None,
    entries: Sequence[Entry],
    source: ManifestSource | None = None,
    reported: Sequence[Source] = (),
    address: str = "",
    keep: Keep | None = None,
) -> tuple[Tree, Board]:
    """The site of these records; score files are read once each, where nothing is kept of them."""
    sources = (*published_sources(), *reported)
    shown = tasks_of(entries, sources)
    logs = Logs() if submissions is None else Logs.read(submissions)
    if logs.problems:
        # an entry without effect may be one that withdraws a result
        raise InputError(f"{submissions}/{logs.problems[0].path}: {logs.problems[0].problem}")
    board = judge(entries, shown, logs, source, keep)
    tree = Tree()
    tree.add_static()
    renderer = Renderer(
        tree, navigation=NAVIGATION, families=FAMILIES, paper=PAPER, release=RELEASE,
        version=package_version("gdbench") or "",
        address=whole_address(address),
        newest=max((changes.instant(e.record.created)[:10] for e in entries), default=""),
    )  # fmt: skip
    collection = collect(sources, shown)
    home.write(renderer, board, collection)
    published.write(renderer, collection)
    measured.write(renderer, board)
    capabilities.write(renderer, board, collection)
    about.write(renderer)
    entrances = examples.write(renderer, board)
    models.write(renderer, board, entrances)
    tasks.write(renderer, board, collection)
    compare.write(renderer, board, entrances.items, published.sections(collection))
    changes.write(renderer, board)
    data.write(renderer, board, collection)
    return tree, board


def whole_address(text: str) -> str:
    """The address of a site's folder with `/` at its end. Raises InputError where it is none."""
    if not text:
        return ""
    if not _ADDRESS.fullmatch(text):
        raise InputError(
            f"--address {text!a}: expected where the site's first page will be, such as "
            "https://example.org/leaderboard/"
        )
    return f"{text.rstrip('/')}/"


def differences(
    submissions: Path | None,
    out: Path,
    *,
    runs: Sequence[Path] = (),
    source: ManifestSource | None = None,
    reported: Sequence[Source] = (),
    address: str = "",
) -> list[str]:
    """Files of `out` that are missing, stale or too many, sorted; empty where it is up to date."""
    tree, _ = make(submissions, runs, source, reported, address)
    present = _files(out) if out.is_dir() else {}
    stale = [
        f"{name}: {'stale' if name in present else 'missing'}"
        for name, content in tree.files.items()
        if name not in present or not _same(name, present[name].read_bytes(), content)
    ]
    return sorted(stale + [f"{name}: does not belong" for name in present.keys() - tree.files])


def _same(name: str, old: bytes, new: bytes) -> bool:
    """Equal bytes; pictures may differ in how the installed library compressed the same pixels."""
    return old == new or (name.endswith(".png") and same_pixels(old, new))


def _files(folder: Path) -> dict[str, Path]:
    return {
        path.relative_to(folder).as_posix(): path
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".")
    }


def _write(tree: Tree, out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise GdbenchError(f"{out} is not a folder; choose another --out")
    present = _files(out) if out.is_dir() else {}
    if present and MARKER not in present:
        raise GdbenchError(f"{out} holds files that are not a leaderboard; choose another --out")
    # the marker first: a site that was cut short is a site that can be written again
    for name, content in sorted(tree.files.items(), key=lambda file: file[0] != MARKER):
        path = out / name
        part = path.with_name(f".{path.name}.part")
        if name in present and present[name].read_bytes() == content:
            continue
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(content)
            part.replace(path)  # a reader sees the old file or the new one
        except OSError as error:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            raise GdbenchError(f"cannot write {path}: {error.strerror}") from error
    for name in sorted(present.keys() - tree.files):
        present[name].unlink()
    for folder in sorted((p for p in out.rglob("*") if p.is_dir()), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()
