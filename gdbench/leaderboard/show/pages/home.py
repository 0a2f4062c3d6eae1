"""The first page: the question, what the published numbers answer, and the table behind it."""

from __future__ import annotations

from dataclasses import dataclass

from gdbench.leaderboard.judged.board import Board
from gdbench.leaderboard.judged.published import PUBLISHED, Collection, PublishedModel
from gdbench.leaderboard.show import sentences
from gdbench.leaderboard.show.figures import naive_plot
from gdbench.leaderboard.show.pages.measured import SuiteView, suites
from gdbench.leaderboard.show.pages.published import Line, lines, scale
from gdbench.leaderboard.show.paths import pair_page
from gdbench.leaderboard.show.published_table import Table, table
from gdbench.leaderboard.show.render import Renderer
from gdbench.numbers import SHARE


@dataclass(frozen=True)
class Answer:
    """The question and what the published numbers answer."""

    question: str
    opening: str
    text: str
    cost: str
    bias: str
    lines: tuple[Line, ...]
    widest: str
    first: PublishedModel
    second: PublishedModel
    page: str


@dataclass(frozen=True)
class HomeView:
    """Everything that the page shows."""

    answer: Answer | None
    table: Table | None
    naive: tuple[str, ...]
    naive_plot: str | None
    suites: tuple[SuiteView, ...]
    n_figures: int
    n_sources: int


def write(renderer: Renderer, board: Board, collection: Collection) -> None:
    """Write `index.html`."""
    found = collection.contrasts
    view = HomeView(
        answer=answer(collection),
        table=table(collection),
        naive=tuple(sentences.contrast(c) for c in found),
        naive_plot=naive_plot(found[0]) if found else None,
        suites=suites(board),
        n_figures=sum(len(s.figures) for s in collection.sources),
        n_sources=len(collection.sources),
    )
    renderer.page("index.html", "home.html", title="Evidence", here="home", view=view)


def answer(collection: Collection) -> Answer | None:
    """The first of the questions that the published numbers can be asked."""
    pair = collection.headline
    if pair is None:
        return None
    first, second = pair
    found = collection.compare(first, second)
    ability = [v for v in found if v.measure.task.kind != "bias"]
    bias = [m for m in collection.shown if m.task.kind == "bias"]
    return Answer(
        question="Does Stable Diffusion reason better than CLIP?",
        opening=sentences.opening(ability),
        text=sentences.comparison(ability, first.name, second.name),
        cost=" ".join([sentences.cost(first, second), sentences.runtimes(collection.sources)]),
        bias=sentences.bias(collection.models, bias),
        lines=tuple(lines(ability)),
        widest=f"{SHARE.scale * scale(ability):.0f}",
        first=first,
        second=second,
        page=pair_page(PUBLISHED, first.slug, second.slug),
    )
