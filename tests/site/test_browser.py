"""The site in a real browser, from `file://`."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.sync_playwright import Axe

KINDS = {
    "home": "index.html",
    "tasks": "tasks/index.html",
    "task": "tasks/aro.html",
    "bias": "tasks/bias.html",
    "model": "models/slow/1.html",
    "compare": "compare/index.html",
    "pair": "compare/mini-limit1/sharp/1/vs/slow/1.html",
    "examples": "examples/index.html",
    "example": "examples/mini-limit1/pets/pets-1.html",
    "matching": "examples/mini-limit1/winoground/winoground-1.html",
    "changes": "changes.html",
    "data": "data.html",
}
PHONE = {"width": 320, "height": 640}


def names(page) -> list[str]:
    return page.eval_on_selector_all(
        ".pool:not([hidden]) tbody tr:not([hidden]) th.model a", "a => a.map(e => e.textContent)"
    )


def column(page, key: str) -> list[str]:
    """Visible texts of a column of the table that is shown, without the margins."""
    return page.evaluate(
        """key => {
            const table = document.querySelector(".pool:not([hidden]) table");
            const at = [...table.tHead.rows[0].cells].findIndex(c => c.dataset.key === key);
            return [...table.tBodies[0].rows].filter(r => !r.hidden)
                .map(r => r.cells[at].childNodes[0]?.textContent ?? "");
        }""",
        key,
    )


def head(page, key: str):
    return page.locator(f".pool:not([hidden]) th[data-key='{key}']")


def numbers(texts: list[str]) -> list[float]:
    return [float(t.replace("\N{MINUS SIGN}", "-")) for t in texts if t]


def test_sorting_goes_the_right_way_with_missing_values_last(open_page):
    page = open_page().open("index.html")
    assert head(page, "score").get_attribute("aria-sort") == "descending"
    score = numbers(column(page, "score"))
    assert score == sorted(score, reverse=True)
    head(page, "t-clevr").get_by_role("button").click()
    clevr = numbers(column(page, "t-clevr"))
    assert clevr == sorted(clevr, reverse=True)
    head(page, "b-mean").get_by_role("button").click()  # less bias is better: upwards first
    bias = numbers(column(page, "b-mean"))
    assert bias == sorted(bias)
    assert head(page, "b-mean").get_attribute("aria-sort") == "ascending"
    assert head(page, "score").get_attribute("aria-sort") is None
    page.evaluate("gdbench.state.write({cols: 'passes'})")
    for direction in ("up", "down"):
        page.evaluate("d => gdbench.state.write({sort: `passes.${d}`})", direction)
        texts = column(page, "passes")
        missing = [i for i, t in enumerate(texts) if not t]
        assert missing
        assert missing == list(range(len(texts) - len(missing), len(texts)))


def test_filters_search_columns_permalink_and_back(open_page):
    watched = open_page()
    page = watched.open("index.html")
    everyone = names(page)
    assert len(everyone) == 9
    page.locator("[name=family]").select_option("contrastive")
    some = names(page)
    assert 0 < len(some) < 9
    assert set(column(page, "family")) == {"contrastive"}
    page.get_by_label("Search").fill("00")
    page.get_by_text("Columns", exact=True).click()
    page.get_by_label("Pets", exact=True).uncheck()
    page.get_by_label("cost, claimed: Passes").check()
    assert head(page, "t-pets").is_hidden()
    assert head(page, "passes").is_visible()
    page.get_by_label("Chance level").check()
    assert page.get_by_text("Chance", exact=True).first.is_visible()
    link, seen = page.url, names(page)
    assert "family=contrastive" in link

    other = open_page().open(f"index.html#{link.partition('#')[2]}")
    assert names(other) == seen
    assert head(other, "t-pets").is_hidden()
    assert other.get_by_label("Search").input_value() == "00"
    assert other.get_by_label("Chance level").is_checked()

    page.get_by_label("Search").fill("")
    for _ in range(3):
        page.go_back()
    assert names(page) == some
    page.go_back()
    assert names(page) == everyone
    assert page.locator("[name=family]").input_value() == ""


def test_suites_have_tables_of_their_own(open_page):
    page = open_page().open("index.html")
    page.get_by_text("Reported", exact=True).first.click()
    assert "suite=reported" in page.url
    assert any("Stable Diffusion" in n for n in names(page))
    assert not any(column(page, "rank"))
    assert page.locator(".pool:visible").count() == 1


def test_everything_can_be_reached_with_the_keyboard(open_page):
    page = open_page().open("index.html")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    before = names(page)
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.closest('th')?.dataset.key") == "model":
            break
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    page.keyboard.press("Enter")
    assert names(page) == sorted(before)
    assert page.evaluate("document.activeElement.closest('th')?.dataset.key") == "model"
    page.keyboard.press("Space")
    assert names(page) == sorted(before, reverse=True)


def test_light_dark_and_the_choice_is_kept(open_page):
    watched = open_page(color_scheme="dark")
    page = watched.open("index.html")
    paper = "getComputedStyle(document.body).backgroundColor"

    def brightness() -> int:
        return sum(map(int, re.findall(r"\d+", page.evaluate(paper))[:3]))

    assert brightness() < 150
    page.get_by_role("button", name="Theme: auto").click()
    assert brightness() > 600
    watched.open("tasks/aro.html")
    assert brightness() > 600
    page.get_by_role("button", name="Theme: light").click()
    assert brightness() < 150


@pytest.mark.parametrize("kind", KINDS)
def test_a_phone_never_scrolls_sideways(kind, open_page):
    page = open_page(viewport=PHONE).open(KINDS[kind])
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    assert page.evaluate("document.body.scrollWidth") <= 320


def test_the_name_stays_when_the_table_scrolls_on_a_phone(open_page):
    page = open_page(viewport=PHONE).open("index.html")
    name = page.locator(".pool:not([hidden]) tbody th.model").first
    page.locator(".pool:not([hidden]) .scroller").first.evaluate("e => { e.scrollLeft = 400; }")
    box = name.bounding_box()
    assert 0 <= box["x"] < 30
    assert page.locator(".pool:not([hidden]) tbody td.rank").first.bounding_box()["x"] < 0


def test_print_shows_the_whole_table_in_light_colours(open_page, tmp_path):
    page = open_page(color_scheme="dark").open("index.html")
    page.emulate_media(media="print")
    assert page.locator(".tools").is_hidden()
    assert page.locator("header nav").is_hidden()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    scroller = page.locator(".pool:not([hidden]) .scroller").first
    assert scroller.evaluate("e => getComputedStyle(e).overflow") == "visible"
    assert page.pdf()[:5] == b"%PDF-"


@pytest.mark.parametrize("kind", KINDS)
def test_pages_are_complete_without_javascript(kind, open_page):
    page = open_page(java_script_enabled=False).open(KINDS[kind])
    assert page.get_by_role("heading", level=1).is_visible()
    assert page.locator(".tools").count() == page.locator(".tools[hidden]").count()
    if kind == "home":
        assert page.locator(".pool").count() == page.locator(".pool:visible").count() == 3
        assert page.locator("tr:has(th.model)", has_text="Chance").first.is_visible()
    if kind == "compare":
        page.locator("a[data-pair]").first.click()
        assert page.get_by_role("heading", level=1).inner_text().count(" and ") == 1


IN_BOTH = ("home", "bias", "pair", "matching")  # between them: every colour that a page may have


@pytest.mark.parametrize(
    ("kind", "scheme"), [*((k, "light") for k in KINDS), *((k, "dark") for k in IN_BOTH)]
)
def test_no_accessibility_violations(kind, scheme, open_page):
    page = open_page(color_scheme=scheme, reduced_motion="reduce").open(KINDS[kind])
    page.evaluate("for (const d of document.querySelectorAll('details')) d.open = true")
    found = Axe().run(page, options={"preload": False}).response["violations"]
    assert [(v["id"], [n["target"] for n in v["nodes"]][:3]) for v in found] == []


def test_the_policy_blocks_what_is_not_ours(open_page):
    watched = open_page()
    page = watched.open("index.html")
    page.evaluate(
        """() => {
            const script = document.createElement("script");
            script.textContent = "window.inline = true";
            document.head.append(script);
            const image = document.createElement("img");
            image.src = "https://tracker.example/pixel.gif";
            document.body.append(image);
        }"""
    )
    page.wait_for_timeout(200)
    assert page.evaluate("window.inline") is None
    assert len(watched.problems) == 2
    assert all("Content Security Policy" in p for p in watched.problems)
    watched.problems.clear()
    watched.requests[:] = [r for r in watched.requests if "tracker.example" not in r]


def test_error_curves_come_when_asked_for(open_page):
    watched = open_page()
    page = watched.open("examples/mini-limit1/pets/pets-1.html")
    assert not [r for r in watched.requests if r.endswith("pets-1.js")]
    page.locator(".curves summary").first.click()
    plot = page.locator(".drawing svg").first
    plot.wait_for()
    assert plot.locator("polyline").count() == 37
    assert plot.locator("polyline.right").count() == 1
    assert [r for r in watched.requests if r.endswith("pets-1.js")]


def test_examples_filter_by_what_a_model_got_wrong(open_page):
    page = open_page().open("examples/mini-limit1/clevr/recognition_color-1.html")
    shown = page.locator(".example:visible")
    everything = shown.count()
    page.get_by_label("Model").select_option(label="sharp@1")
    split = []
    for answer in ("right", "wrong"):
        page.get_by_label("Answer").select_option(answer)
        split.append(shown.count())
    assert sum(split) == everything
    page.go_back()
    assert shown.count() == split[0]


def test_two_menus_lead_to_the_page_of_a_pair(open_page):
    page = open_page().open("compare/index.html")
    section = page.locator("section[data-pool='mini-limit1']")
    section.get_by_label("First").select_option("slow/1")
    section.get_by_label("Second").select_option("sharp/1")
    section.get_by_role("button", name="Compare").click()
    page.wait_for_url("**/compare/mini-limit1/sharp/1/vs/slow/1.html")


def test_hostile_text_runs_nothing(browser, tmp_path):
    from test_board_build import HOSTILE, write_hostile_site

    write_hostile_site(HOSTILE[:7], tmp_path)
    page = browser.new_page(viewport=PHONE)
    page.on("dialog", lambda d: pytest.fail(f"a page said {d.message}"))
    for path in [
        "index.html",
        *(
            str(p.relative_to(tmp_path / "site"))
            for p in (tmp_path / "site" / "models").rglob("*.html")
        ),
    ]:
        page.goto(f"{(tmp_path / 'site').as_uri()}/{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, path
        assert page.locator("img, iframe").count() == 0
    page.close()


def test_the_site_works_from_any_folder(browser, site, tmp_path):
    from functools import partial
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
    from threading import Thread

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    deep = tmp_path / "some" / "sub path"
    deep.parent.mkdir()
    deep.symlink_to(site)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path))) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        page = browser.new_page()
        lost = []
        page.on("response", lambda r: lost.append(r.url) if r.status >= 400 else None)
        page.goto(f"http://127.0.0.1:{server.server_address[1]}/some/sub%20path/index.html")
        page.get_by_role("link", name="Compare").click()
        page.locator("a[data-pair]").first.click()
        page.get_by_role("link", name="Examples").click()
        page.locator("main a").first.click()
        page.locator("svg image").first.wait_for(state="visible")
        page.close()
        server.shutdown()
    assert lost == []
