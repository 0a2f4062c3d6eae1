"""What is measured and how, how to submit a model, how to cite."""

from __future__ import annotations

from gdbench.leaderboard.judged.trust import BADGES
from gdbench.leaderboard.show.links import CITATION
from gdbench.leaderboard.show.render import Renderer


def write(renderer: Renderer) -> None:
    """Write `about.html`."""
    renderer.page(
        "about.html", "about.html", title="How it works", here="about", badges=BADGES,
        citation=CITATION,
    )  # fmt: skip
