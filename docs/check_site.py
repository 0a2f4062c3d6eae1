"""Look at a built site: `python docs/check_site.py build/docs`.

Nothing may be loaded from elsewhere, and every link within the site must lead to a page and to an
anchor that are there. Exit code 1 and a line for each fault otherwise.
"""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

_LOADS = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}
_NOT_LOADED = {"canonical", "next", "prev", "alternate"}


class Page(HTMLParser):
    """What a page loads, where it links to, and which anchors it has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.anchors: set[str] = {""}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Called for each tag."""
        values = {name: value or "" for name, value in attrs}
        self.anchors.update(values[name] for name in ("id", "name") if name in values)
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if tag in _LOADS and _LOADS[tag] in values and values.get("rel") not in _NOT_LOADED:
            self.loads.append(values[_LOADS[tag]])


def faults(site: Path) -> list[str]:
    """One line for each fault of a site."""
    pages = {p: Page(p.read_text(encoding="utf-8")) for p in sorted(site.rglob("*.html"))}
    found = [] if pages else [f"{site}: no page"]
    for path, page in pages.items():
        name = path.relative_to(site)
        if path.name == "404.html":
            # it is shown at any address, so its links begin at the root of the server
            continue
        found += [f"{name}: loads {u}" for u in page.loads if urlsplit(u).netloc]
        for link in (*page.links, *(u for u in page.loads if not u.startswith("data:"))):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            goal = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            goal = goal / "index.html" if goal.is_dir() else goal
            if not goal.is_file():
                found.append(f"{name}: {link} leads nowhere")
            elif goal in pages and unquote(parts.fragment) not in pages[goal].anchors:
                found.append(f"{name}: {link} has no such anchor")
    return found


if __name__ == "__main__":
    lines = faults(Path(sys.argv[1]).resolve())
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.exit(1 if lines else 0)
