"""Screenshots of every kind of page for a look by eye: `python tests/site/screenshots.py SITE OUT`.

Four widths, light and dark; the first page of each kind. Says which page is wider than its window.
"""

from __future__ import annotations

import sys
from pathlib import Path

import chromium
from playwright.sync_api import sync_playwright

KINDS = {
    "home": "index.html",
    "published": "published/index.html",
    "cited": "published/*-plus-*.html",
    "cited-pair": "compare/published/*/vs/*.html",
    "suites": "measured/index.html",
    "measured": "measured/[!i]*.html",
    "capabilities": "capabilities/index.html",
    "model": "models/*/*.html",
    "tasks": "tasks/index.html",
    "task": "tasks/aro.html",
    "bias": "tasks/bias.html",
    "compare": "compare/index.html",
    "pair": "compare/[!p]*/*/*/vs/*/*.html",
    "examples": "examples/index.html",
    "example": "examples/*/flickr30k/*-1.html",
    "about": "about.html",
    "changes": "changes.html",
    "data": "data.html",
}
WIDTHS = (1440, 768, 390, 320)
SCHEMES = ("light", "dark")


def main(site: Path, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.find(), args=["--no-sandbox"])
        for width in WIDTHS:
            for scheme in SCHEMES:
                size = {"width": width, "height": 900}
                page = browser.new_context(viewport=size, color_scheme=scheme).new_page()
                for kind, pattern in KINDS.items():
                    path = next(iter(sorted(site.glob(pattern))), None)
                    if path is None:
                        continue
                    page.goto(path.resolve().as_uri())
                    page.screenshot(path=out / f"{kind}-{width}-{scheme}.png", timeout=120_000)
                    wide = page.evaluate("document.documentElement.scrollWidth")
                    if wide > width:
                        sys.stderr.write(f"{kind} at {width}: {wide} wide\n")
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
