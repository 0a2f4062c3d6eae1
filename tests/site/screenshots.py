"""Screenshots of every kind of page for a look by eye: `python tests/site/screenshots.py SITE OUT`.

Desktop light, desktop dark and a phone of 320 pixels; the first page of each kind.
"""

from __future__ import annotations

import sys
from pathlib import Path

import chromium
from playwright.sync_api import sync_playwright

KINDS = {
    "home": "index.html",
    "model": "models/*/*.html",
    "tasks": "tasks/index.html",
    "task": "tasks/aro.html",
    "bias": "tasks/bias.html",
    "compare": "compare/index.html",
    "pair": "compare/*/*/*/vs/*/*.html",
    "examples": "examples/index.html",
    "example": "examples/*/flickr30k/*-1.html",
    "changes": "changes.html",
    "data": "data.html",
}
LOOKS = {
    "light": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 320, "height": 640}, "color_scheme": "light"},
}


def main(site: Path, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.find(), args=["--no-sandbox"])
        for look, options in LOOKS.items():
            page = browser.new_context(**options).new_page()
            for kind, pattern in KINDS.items():
                path = next(iter(sorted(site.glob(pattern))), None)
                if path is not None:
                    page.goto(path.resolve().as_uri())
                    page.screenshot(path=out / f"{kind}-{look}.png")
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
