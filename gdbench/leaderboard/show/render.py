"""Templates, and the tree of files that a build makes in memory before anything is written."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from gdbench.environment import package_version
from gdbench.errors import GdbenchError
from gdbench.leaderboard import words
from gdbench.leaderboard.show import paths
from gdbench.leaderboard.show.families import FAMILIES
from gdbench.leaderboard.show.links import PAPER
from gdbench.metrics.estimate import of_metric
from gdbench.numbers import count, seconds, size_in_bytes

STATIC = Path(__file__).with_name("static")
_SINGLE_STYLES = ("site.css", "tables.css", "plots.css", "report.css")


@dataclass
class Tree:
    """Files of the site by their path with `/`, each written once."""

    files: dict[str, bytes] = field(default_factory=dict)

    def add(self, path: str, content: str | bytes) -> None:
        """Add a file. Raises ValueError where the path is taken: two pages would share a URL."""
        if path in self.files:
            raise ValueError(f"two files called {path}")
        self.files[path] = content.encode() if isinstance(content, str) else content

    def add_static(self) -> None:
        """Copy the style sheet and scripts."""
        for path in sorted(STATIC.rglob("*")):
            if path.is_file():
                self.add(f"static/{path.relative_to(STATIC).as_posix()}", path.read_bytes())


def environment(**shared: object) -> Environment:
    """Templates in which everything is escaped; `shared` are values that all of them have."""
    made = Environment(
        loader=PackageLoader("gdbench.leaderboard.show"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=words.clean,
    )
    made.globals.update(shared)
    for function in (
        count, seconds, size_in_bytes, of_metric, words.shorten, words.web_link,
        words.file_name, words.path_quote, words.typeset, words.with_code, paths.model_page,
        paths.task_page,
    ):  # fmt: skip
        made.globals[function.__name__] = function
    made.filters["item_path"] = lambda address: address.partition("#")[0]
    made.filters["item_anchor"] = lambda address: address.partition("#")[2]
    return made


def single_page(template: str, **values: object) -> str:
    """A page that needs no other file: its style is inside, and nothing else may be loaded."""
    style = "\n".join((STATIC / name).read_text(encoding="utf-8") for name in _SINGLE_STYLES)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    made = environment(families=FAMILIES, paper=PAPER).get_template(template)
    version = package_version("gdbench") or ""
    return made.render(style=style, digest=digest, version=version, **values)


def write_page(path: Path, text: str) -> None:
    """Write such a page. Raises GdbenchError where it cannot be written."""
    if path.is_dir():
        raise GdbenchError(f"{path} is a folder; give a file")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise GdbenchError(f"cannot write {path}: {error.strerror}") from error


class Renderer:
    """Renders templates into a tree; every address in a page is relative to that page."""

    def __init__(self, tree: Tree, **shared: object) -> None:
        self.tree = tree
        self.environment = environment(**shared)

    def page(self, path: str, template: str, **values: object) -> None:
        """Render a page to `path`."""
        self.tree.add(path, self.text(path, template, **values))

    def text(self, path: str, template: str, **values: object) -> str:
        """A template as seen from the page at `path`."""
        depth = path.count("/")
        root = "../" * depth

        def url(target: str) -> str:
            """Address of a file of the site as seen from this page."""
            return (root + words.path_quote(target)) or "./"

        return self.environment.get_template(template).render(
            url=url, path=path, root=root or "./", **values
        )
