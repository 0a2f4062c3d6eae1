"""A table of several pages: sorting, filters and the search look at the rows of all of them."""

from __future__ import annotations

import json

import pytest
import synthetic_board
from playwright.sync_api import expect

from gdbench.leaderboard import build
from gdbench.leaderboard.show.pages import measured

ROWS = 4
MODELS = 11
SHOWN = ".pool tbody tr:not([hidden]) th.model a"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Eleven made-up models on pages of four."""
    folder = tmp_path_factory.mktemp("paged")
    synthetic_board.write(folder / "submissions", *synthetic_board.records(MODELS))
    with pytest.MonkeyPatch.context() as patch, synthetic_board.as_if_run_again():
        patch.setattr(measured, "PAGE", ROWS)
        build(folder / "submissions", folder / "site")
    return folder / "site"


@pytest.fixture
def results(site):
    return json.loads((site / "leaderboard.json").read_text())["pools"][0]["results"]


def shown(page) -> list[str]:
    return page.locator(SHOWN).all_text_contents()


def wait_for_all(page) -> None:
    expect(page.locator(".pool tbody tr")).to_have_count(MODELS)
    expect(page.locator(".count")).to_contain_text("rows")
    expect(page.locator(".count")).not_to_contain_text("Loading")


@pytest.mark.parametrize("number", ["", "-2"])
@pytest.mark.parametrize("direction", ["up", "down"])
def test_sorting_orders_all_rows_whatever_page_it_begins_on(open_page, results, number, direction):
    page = open_page().open(f"measured/full{number}.html")
    page.evaluate("d => gdbench.state.write({sort: `t-svo.${d}`})", direction)
    wait_for_all(page)
    scores = {r["model"]: r["tasks"]["svo"]["score"]["value"] for r in results}
    expected = sorted(scores, key=scores.get, reverse=direction == "down")
    assert shown(page) == expected[:ROWS]
    assert f"the first {ROWS} shown" in page.locator(".count").inner_text()
    page.get_by_role("button", name=f"Show {ROWS} more").click()
    page.get_by_role("button", name="Show 3 more").click()
    assert shown(page) == expected
    assert page.locator(".pager").is_hidden()


def test_the_head_of_a_column_leads_to_all_rows_and_back(open_page, results):
    page = open_page().open("measured/full.html")
    before = shown(page)
    assert len(before) == ROWS
    page.locator(".pool th[data-key='flops'] button").click()
    wait_for_all(page)
    known = [r for r in results if r["flops"] is not None]
    cheapest = sorted(known, key=lambda r: (r["flops"], results.index(r)))
    assert shown(page) == [r["model"] for r in cheapest[:ROWS]]
    page.go_back()
    expect(page.locator(SHOWN)).to_have_text(before)
    expect(page.locator(".pager")).to_be_visible()


def test_the_search_and_the_filters_find_rows_of_other_pages(open_page, results):
    page = open_page().open("measured/full.html")
    last = results[-1]
    assert last["model"] not in shown(page)
    page.get_by_role("searchbox").fill(last["model"])
    wait_for_all(page)
    assert shown(page) == [last["model"]]
    page.evaluate("f => gdbench.state.write({q: '', family: f})", last["family"])
    family = [r["model"] for r in results if r["family"] == last["family"]]
    assert sorted(shown(page)) == sorted(family)[:ROWS]


def test_a_permalink_opens_sorted_and_rows_of_other_pages_can_be_ticked(open_page, results):
    page = open_page().open("measured/full-3.html#sort=t-svo.down")
    wait_for_all(page)
    best = max(results, key=lambda r: r["tasks"]["svo"]["score"]["value"])
    assert shown(page)[0] == best["model"]
    boxes = page.locator(".pool tbody tr:not([hidden]) .pickbox")
    boxes.nth(0).check()
    boxes.nth(1).check()
    page.locator(".ticked a").click()
    page.wait_for_url("**/vs/**")
    expect(page.locator("h1")).to_contain_text(best["model"])
