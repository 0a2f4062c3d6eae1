"""Small things that many tests need: a task of drawn pictures, and models that know the answer."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from PIL import Image

from gdbench.data.images import MemoryImage
from gdbench.metrics.measures import PairMatching, Recall
from gdbench.protocol import Item, ModelCard, Query
from gdbench.tasks.base import Task

NO_BROWSER = "not run: no browser wanted"
COLOURS = {
    "red": (220, 30, 30),
    "green": (30, 160, 40),
    "blue": (30, 40, 220),
    "yellow": (240, 220, 20),
}

# how long an example takes is the machine's, and no fault of what is tested
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--no-browser", action="store_true", help="leave out what needs a browser")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("no_browser"):
        for item in items:
            if "browser" in getattr(item, "fixturenames", ()):
                item.add_marker(pytest.mark.skip(reason=NO_BROWSER))


def pytest_unconfigure(config: pytest.Config) -> None:
    # after the summary, which would else be read as "all passed"
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    left_out = sum(NO_BROWSER in str(report.longrepr) for report in skipped)
    if left_out:
        reporter.write_line(f"not run: {left_out} browser tests (BROWSER=none)", yellow=True)


def picture(colour: str, size: int = 32) -> Image.Image:
    return Image.new("RGB", (size, size), COLOURS[colour])


def colour_items(n: int = 12) -> Iterator[Item]:
    """Text retrieval, image retrieval and 2 x 2 matching of plain colours."""
    names = list(COLOURS)
    images = {c: MemoryImage(picture(c)) for c in names}
    texts = tuple(f"a {c} picture" for c in names)
    for k in range(n):
        gold = k % len(names)
        own, other = names[gold], names[(gold + 1) % len(names)]
        yield Item(f"t{k}", (images[own],), texts, Query.TEXT_RETRIEVAL, (gold,), "text_retrieval")
        yield Item(
            f"i{k}",
            tuple(images[c] for c in names),
            (texts[gold],),
            Query.IMAGE_RETRIEVAL,
            (gold,),
            "image_retrieval",
        )
        yield Item(
            f"m{k}",
            (images[own], images[other]),
            (f"a {own} picture", f"a {other} picture"),
            Query.MATCHING,
            (0, 1),
            "pairs",
            tags=("Object",),
        )


class Colours:
    """A model that is right: minus the distance of the mean colour to the colour named."""

    def __init__(self) -> None:
        self.card = ModelCard(name="colours", revision="1")

    def score(self, images, texts):
        means = np.stack([np.asarray(i, dtype=np.float64).mean((0, 1)) for i in images])
        named = np.array(
            [next((rgb for c, rgb in COLOURS.items() if c in t), (0, 0, 0)) for t in texts]
        )
        return -np.linalg.norm(means[:, None] - named[None], axis=-1)


@pytest.fixture
def colour_task(monkeypatch: pytest.MonkeyPatch) -> Task:
    module = ModuleType("drawn_colours")
    module.items = colour_items
    monkeypatch.setitem(sys.modules, "drawn_colours", module)
    return Task(
        name="colours",
        version="1",
        title="Colours",
        description="Plain colours.",
        measures=(
            Recall("text_r1", ("text_retrieval",)),
            Recall("image_r1", ("image_retrieval",)),
            PairMatching("group", "group"),
        ),
        primary=("text_r1", "image_r1"),
        sources={"mini": "drawn_colours:items"},
        expected={"mini": {"text_retrieval": 12, "image_retrieval": 12, "pairs": 12}},
    )


@pytest.fixture
def colour_model() -> Colours:
    return Colours()
