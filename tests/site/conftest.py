"""One real browser for all tests of the site; pages are opened from disk."""

from __future__ import annotations

import sys
from pathlib import Path

import chromium
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1] / "leaderboard"))

import synthetic_board

from gdbench.leaderboard import build

# milliseconds: the machine may be busy with something else
PATIENCE = 60_000
expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="session")
def browser() -> Browser:
    path = chromium.find()
    if path is None:
        pytest.fail(chromium.HOW_TO)
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture(scope="session")
def site(tmp_path_factory) -> Path:
    """Nine made-up models of the full suite, three with scores of part of the mini suite."""
    folder = tmp_path_factory.mktemp("browser")
    submissions = synthetic_board.guessed(
        folder / "submissions",
        synthetic_board.Guesser("sharp", 4.0),
        synthetic_board.Guesser("slow", 3.0, timesteps=6, family="diffusion-unet"),
        synthetic_board.Guesser("blind", 0.0, family="control"),
        limit=1,
    )
    synthetic_board.write(submissions, *synthetic_board.records(9))
    with synthetic_board.as_if_run_again():
        build(submissions, folder / "site")
    return folder / "site"


class Watched:
    """A page that remembers what it asked for and what went wrong."""

    def __init__(self, page: Page, site: Path) -> None:
        self.page, self.site = page, site
        self.requests: list[str] = []
        self.problems: list[str] = []
        page.set_default_timeout(PATIENCE)
        page.on("request", lambda r: self.requests.append(r.url))
        page.on(
            "console",
            lambda m: self.problems.append(m.text) if m.type in ("error", "warning") else None,
        )
        page.on("pageerror", lambda e: self.problems.append(str(e)))

    def open(self, path: str) -> Page:
        self.page.goto(f"{self.site.as_uri()}/{path}")
        return self.page


@pytest.fixture
def open_page(browser, site):
    """Makes watched pages with the options of a browser context; all must end without problems."""
    contexts, pages = [], []

    def make(**options) -> Watched:
        contexts.append(
            browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        )
        pages.append(Watched(contexts[-1].new_page(), site))
        return pages[-1]

    yield make
    problems = [p for w in pages for p in w.problems]
    strangers = [r for w in pages for r in w.requests if not r.startswith(site.as_uri())]
    for context in contexts:
        context.close()
    assert problems == []
    assert strangers == []
