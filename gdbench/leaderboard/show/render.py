"""Templates, and the tree of files that a build makes in memory before anything is written."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from gdbench.leaderboard import words
from gdbench.leaderboard.show import paths
from gdbench.metrics.estimate import of_metric
from gdbench.numbers import count, seconds, size_in_bytes

STATIC = Path(__file__).with_name("static")


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
        words.file_name, paths.model_page, paths.task_page,
    ):  # fmt: skip
        made.globals[function.__name__] = function
    made.filters["item_path"] = lambda address: address.partition("#")[0]
    made.filters["item_anchor"] = lambda address: address.partition("#")[2]
    return made


class Renderer:
    """Renders templates into a tree; every address in a page is relative to that page."""

    def __init__(self, tree: Tree, **shared: object) -> None:
        self.tree = tree
        self.environment = environment(**shared)

    def page(self, path: str, template: str, **values: object) -> None:
        """Render a page to `path`."""
        depth = path.count("/")
        root = "../" * depth

        def url(target: str) -> str:
            """Address of a file of the site as seen from this page."""
            return (root + words.path_quote(target)) or "./"

        text = self.environment.get_template(template).render(
            url=url, path=path, root=root or "./", **values
        )
        self.tree.add(path, text)
