"""The Chromium that the tests of the site use. As a script: get one if there is none.

Looked for in this order: the system's, then Playwright's own. Got in this order: Playwright's
download, then the package manager where this is root on a Debian.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
HOW_TO = (
    "no Chromium here, and none could be got: install one (Debian: apt install chromium), "
    "or run the other tests with: make test BROWSER=none"
)
_PATIENCE = 900  # seconds for a download


def find() -> str | None:
    """Path of a Chromium that starts, None where there is none."""
    for name in NAMES:
        path = shutil.which(name)
        if path and _starts(path):
            return path
    path = playwrights()
    return path if path and _starts(path) else None


def playwrights() -> str:
    """Where Playwright's own would lie."""
    # in a thread: where a test's browser is open, this one has an event loop already
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(_ask_playwright).result()


def _ask_playwright() -> str:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        return playwright.chromium.executable_path


def _starts(path: str) -> bool:
    """Whether it runs: Ubuntu's `chromium-browser` may be a note that asks for snap."""
    return _runs([path, "--version"], 60)


def _runs(command: Sequence[str], patience: float = _PATIENCE) -> bool:
    try:
        done = subprocess.run(
            command,
            env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
            capture_output=True,
            timeout=patience,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _get() -> str | None:
    """Try every way to get one; its path, or None."""
    ways = [[[sys.executable, "-m", "playwright", "install", "chromium"]]]
    if os.geteuid() == 0 and shutil.which("apt-get"):
        packages = ["chromium", "fonts-dejavu"]
        ways.append([["apt-get", "update", "-qq"], ["apt-get", "install", "-yqq", *packages]])
    for commands in ways:
        sys.stderr.write(f"no Chromium here, trying: {' '.join(commands[-1])}\n")
        # An index that is out of date may still do.
        for command in commands:
            _runs(command)
        path = find()
        if path:
            return path
    return None


def main() -> None:
    """Say which Chromium the tests use, or end with the one line that says what to install."""
    path = find() or _get()
    if path is None:
        sys.exit(HOW_TO)
    sys.stderr.write(f"browser for the tests: {path}\n")


if __name__ == "__main__":
    main()
