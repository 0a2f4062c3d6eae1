"""The site in a real browser, from `file://`."""

from __future__ import annotations

import re
from io import BytesIO

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import expect

KINDS = {
    "home": "index.html",
    "published": "published/index.html",
    "cited": "published/sd-2-1-plus-hardneg.html",
    "cited pair": "compare/published/clip-rn50x64/vs/sd-2-1-plus-hardneg.html",
    "suites": "measured/index.html",
    "measured": "measured/full.html",
    "mini": "measured/mini-limit1.html",
    "about": "about.html",
    "capabilities": "capabilities/index.html",
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


NAMES = ".pool tbody tr:not([hidden]) th.model a"


def names(page) -> list[str]:
    return page.locator(NAMES).all_text_contents()


def column(page, key: str) -> list[str]:
    """Visible texts of a column of the table that is shown, without the margins."""
    return page.evaluate(
        """key => {
            const table = document.querySelector(".pool table");
            const heads = [...table.querySelector("tr:has([data-key])").cells];
            const at = heads.findIndex(c => c.dataset.key === key);
            return [...table.tBodies[0].rows].filter(r => !r.hidden)
                .map(r => r.cells[at].childNodes[0]?.textContent ?? "");
        }""",
        key,
    )


def head(page, key: str):
    return page.locator(f".pool th[data-key='{key}']")


def numbers(texts: list[str]) -> list[float]:
    return [float(t.replace("\N{MINUS SIGN}", "-")) for t in texts if t]


def test_sorting_goes_the_right_way_with_missing_values_last(open_page):
    page = open_page().open("measured/full.html")
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
    for direction in ("up", "down"):
        page.evaluate("d => gdbench.state.write({sort: `passes.${d}`})", direction)
        texts = column(page, "passes")
        missing = [i for i, t in enumerate(texts) if not t]
        assert missing
        assert missing == list(range(len(texts) - len(missing), len(texts)))


def test_filters_search_columns_permalink_and_back(open_page):
    watched = open_page()
    page = watched.open("measured/full.html")
    everyone = names(page)
    assert len(everyone) == 9
    page.get_by_text("Filters and columns").click()
    page.locator("[name=family]").select_option("contrastive")
    some = names(page)
    assert 0 < len(some) < 9
    assert set(column(page, "family")) == {"contrastive"}
    page.get_by_label("Search").fill("00")
    page.get_by_text("Columns", exact=True).click()
    page.get_by_label("Pets", exact=True).uncheck()
    page.get_by_label("cost, claimed: Time/item").check()
    assert head(page, "t-pets").is_hidden()
    assert head(page, "speed").is_visible()
    assert page.get_by_text("Chance", exact=True).first.is_visible()
    link, seen = page.url, names(page)
    assert "family=contrastive" in link

    other = open_page().open(f"measured/full.html#{link.partition('#')[2]}")
    assert names(other) == seen
    assert head(other, "t-pets").is_hidden()
    assert other.get_by_label("Search").input_value() == "00"

    page.get_by_label("Search").fill("")
    for _ in range(2):
        page.go_back()
    expect(page.locator(NAMES)).to_have_text(some)
    page.go_back()
    expect(page.locator(NAMES)).to_have_text(everyone)
    expect(page.locator("[name=family]")).to_have_value("")


def test_suites_have_tables_of_their_own(open_page):
    page = open_page().open("measured/index.html")
    page.locator("main").get_by_role("link", name="GDBench-mini").click()
    page.wait_for_url("**/measured/mini-limit1.html")
    assert "not comparable" in page.locator(".lede").inner_text()
    heads = page.locator("thead th").all_inner_texts()
    assert "Winoground-mini" in [h.replace("\n", "") for h in heads]
    assert "Winoground" not in heads
    page.get_by_role("navigation", name="Suites").get_by_role("link", name="full").click()
    page.wait_for_url("**/measured/full.html")


def test_everything_can_be_reached_with_the_keyboard(open_page):
    page = open_page().open("measured/full.html")
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


@pytest.mark.parametrize("kind", ["task", "example", "measured"])
def test_the_keyboard_stops_at_tables_only_where_they_scroll(kind, open_page):
    goes = "e => e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1"
    page = open_page().open(KINDS[kind])
    boxes = page.locator(".scroller:visible").all()
    assert boxes
    for size in ({"width": 1280, "height": 800}, PHONE, {"width": 1280, "height": 800}):
        page.set_viewport_size(size)
        for box in boxes:
            scrolls = box.evaluate(goes)
            expect(box).to_have_attribute("role", "region" if scrolls else "group")
            assert box.evaluate("e => e.tabIndex") == (0 if scrolls else -1)
            assert box.get_attribute("aria-label")
        if size == PHONE:
            assert any(box.evaluate(goes) for box in boxes)


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


def test_what_opens_stays_inside_the_window_of_a_phone(open_page):
    page = open_page(viewport=PHONE).open("measured/full.html")
    page.get_by_text("Filters and columns").click()
    page.get_by_text("Columns", exact=True).click()
    box = page.locator(".chooser > div").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= PHONE["width"]
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.get_by_label("Pets", exact=True).uncheck()
    page.keyboard.press("Escape")
    assert page.locator(".chooser > div").is_hidden()


PLOTTED = ("home", "measured", "mini", "task", "bias", "published", "model", "cited")


@pytest.mark.parametrize("window", [{}, {"viewport": PHONE}], ids=["wide", "phone"])
@pytest.mark.parametrize("kind", PLOTTED)
def test_every_word_of_a_plot_is_inside_its_picture(kind, window, open_page):
    page = open_page(**window).open(KINDS[kind])
    outside = page.evaluate(
        """() => [...document.querySelectorAll("svg.plot")].flatMap(svg => {
            const {width, height} = svg.viewBox.baseVal;
            return [...svg.querySelectorAll("text")].filter(text => {
                const b = text.getBBox();
                return b.x < -1 || b.y < -1 || b.x + b.width > width + 1
                    || b.y + b.height > height + 1 || text.textContent.includes("\u2026");
            }).map(text => text.textContent);
        })"""
    )
    assert outside == []


@pytest.mark.parametrize("kind", ["task", "bias"])
def test_intervals_are_read_on_a_phone_without_pushing(kind, open_page):
    for width, style in ((360, "narrow"), (1280, "wide")):
        page = open_page(viewport={"width": width, "height": 640}).open(KINDS[kind])
        plots = page.locator("figure svg.plot.narrow, figure svg.plot.wide")
        shown = [p for p in plots.all() if p.is_visible()]
        # each is there once, and none has a part that is out of sight
        assert len(shown) * 2 == plots.count() > 0
        for plot in shown:
            assert style in plot.get_attribute("class").split()
            box = plot.evaluate("p => { const s = p.closest('.scroller');"
                                " return [s.scrollWidth, s.clientWidth]; }")  # fmt: skip
            assert box[0] <= box[1]
            lettering = plot.evaluate("p => 11.5 * p.getBoundingClientRect().width"
                                      " / p.viewBox.baseVal.width")  # fmt: skip
            assert lettering > 10


def test_no_name_of_a_model_stands_on_another(open_page):
    page = open_page().open(KINDS["measured"])
    boxes = page.evaluate(
        """() => [...document.querySelectorAll("figure svg.plot a")].map(a => {
            const b = a.getBBox();
            return [b.x, b.y + 2, b.x + b.width, b.y + b.height - 2];
        })"""
    )
    assert len(boxes) > 3
    for k, (left, top, right, bottom) in enumerate(boxes):
        for a, b, c, d in boxes[k + 1 :]:
            assert right <= a or c <= left or bottom <= b or d <= top


def test_the_name_stays_when_the_table_scrolls_on_a_phone(open_page):
    for kind in ("home", "measured"):
        page = open_page(viewport=PHONE).open(KINDS[kind])
        name = page.locator(".pool tbody th.model").first
        page.locator(".pool .scroller").first.evaluate("e => { e.scrollLeft = 400; }")
        assert 0 <= name.bounding_box()["x"] < 30
    assert page.locator(".pool tbody td.rank").first.bounding_box()["x"] < 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("kind", ["measured", "task", "pair"])
def test_a_table_that_goes_on_has_a_shaded_edge_until_its_end(kind, scheme, open_page):
    page = open_page(viewport=PHONE, color_scheme=scheme).open(KINDS[kind])
    scroller = page.locator(".scroller:has(table)").first
    scroller.scroll_into_view_if_needed()
    edges = []
    for place in ("0", "e.scrollWidth"):
        scroller.evaluate(f"e => {{ e.scrollLeft = {place}; }}")
        picture = Image.open(BytesIO(scroller.screenshot())).convert("L")
        right = np.asarray(picture, float)[:, -3:-1]
        edges.append(np.median(right[len(right) // 2 :]))
    start, end = edges
    assert abs(start - end) > 20


def test_colours_of_the_readers_own_keep_what_lines_say(open_page):
    page = open_page(forced_colors="active").open("measured/full.html")
    line = "e => getComputedStyle(e).borderBottomColor"
    here = page.locator(".top nav a[aria-current]").evaluate(line)
    others = page.locator(".top nav a:not([aria-current])")
    assert here not in {others.nth(k).evaluate(line) for k in range(others.count())}
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    bar = "e => getComputedStyle(e).borderLeftColor"
    ranks = {
        (row.get_attribute("class") or "").split(" ")[0]: row.locator(".rank").evaluate(bar)
        for row in page.locator(".pool tbody tr").all()
    }
    assert ranks["ga"] != paper
    assert {color for group, color in ranks.items() if group not in ("ga", "gb")} <= {paper}


def test_print_shows_the_whole_table_in_light_colours(open_page, tmp_path):
    page = open_page(color_scheme="dark").open("measured/full.html")
    page.emulate_media(media="print")
    assert page.locator(".tools").is_hidden()
    assert page.locator("header nav").is_hidden()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    scroller = page.locator(".pool .scroller").first
    assert scroller.evaluate("e => getComputedStyle(e).overflow") == "visible"
    assert page.pdf()[:5] == b"%PDF-"


def test_a_large_zoom_leaves_the_lines_to_the_rows(open_page):
    """1280 x 1024 at 400 %: heads that stay took half of what is seen of a table."""
    page = open_page(viewport={"width": 320, "height": 256}).open(KINDS["home"])
    row = page.locator(".pool tbody tr").nth(8)
    row.scroll_into_view_if_needed()
    head = page.locator(".pool thead").bounding_box()
    assert head["y"] + head["height"] < row.bounding_box()["y"] - 100


@pytest.mark.parametrize("kind", ["home", "measured", "mini", "capabilities", "task", "pair"])
def test_tables_fit_on_the_paper(kind, open_page):
    paper = 1032  # pixels of A4 across, less its margins
    page = open_page(viewport={"width": paper, "height": 700}).open(KINDS[kind])
    page.emulate_media(media="print")
    for table in page.locator("table").all():
        assert table.evaluate("t => t.getBoundingClientRect().right") <= paper
    size = "e => parseFloat(getComputedStyle(e).fontSize)"
    for interval in page.locator("td:visible i").all()[:3]:
        number = interval.locator("xpath=..")
        assert interval.evaluate(size) <= number.evaluate(size)


@pytest.mark.parametrize("kind", KINDS)
def test_pages_are_complete_without_javascript(kind, open_page):
    page = open_page(java_script_enabled=False).open(KINDS[kind])
    assert page.get_by_role("heading", level=1).is_visible()
    assert page.locator(".tools").count() == page.locator(".tools[hidden]").count()
    if kind == "home":
        assert page.get_by_text("On some tasks, not on others.").is_visible()
    if kind in ("home", "measured", "mini"):
        assert page.locator("tr:has(th.model)", has_text="Chance").first.is_visible()
        assert page.locator("tbody tr").count() == page.locator("tbody tr:visible").count()
    if kind == "compare":
        page.locator("a[data-pair]").first.click()
        page.wait_for_url("**/vs/**")
        assert page.get_by_role("heading", level=1).inner_text().count(" and ") == 1


IN_BOTH = (
    "home",
    "measured",
    "bias",
    "pair",
    "matching",
)  # between them: every colour that a page may have


@pytest.mark.parametrize(
    ("kind", "scheme"), [*((k, "light") for k in KINDS), *((k, "dark") for k in IN_BOTH)]
)
def test_no_accessibility_violations(kind, scheme, open_page):
    page = open_page(color_scheme=scheme, reduced_motion="reduce").open(KINDS[kind])
    page.evaluate("for (const d of document.querySelectorAll('details')) d.open = true")
    # what a finger presses is 24 px wide and high, or has as much room (WCAG 2.2)
    options = {"preload": False, "rules": {"target-size": {"enabled": True}}}
    found = Axe().run(page, options=options).response["violations"]
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
    page.locator("[name=model]").select_option("sharp")
    split = []
    for answer in ("right", "wrong"):
        page.locator("[name=answer]").select_option(answer)
        split.append(shown.count())
    assert sum(split) == everything
    page.go_back()
    expect(shown).to_have_count(split[0])


def test_examples_are_searched_ordered_and_shown_for_one_model(open_page):
    page = open_page().open("examples/mini-limit1/pets/pets-1.html")
    shown = page.locator(".example:visible")
    everything = shown.count()
    page.get_by_label("Order").select_option("lead")
    page.locator("[name=model]").select_option("slow")
    page.get_by_label("Only this model").check()
    assert page.locator(".scores tbody tr:visible").count() == everything
    page.get_by_label("Search").fill("no such words")
    assert shown.count() == 0
    assert page.get_by_text("No item fits.").is_visible()
    # read aloud, as an empty status is not
    expect(page.get_by_role("status")).to_have_text(f"0 of {everything} items")
    page.get_by_role("button", name="Show all items").click()
    assert shown.count() == everything
    assert page.locator(".scores tbody tr:visible").count() == 3 * everything


def test_a_model_leads_to_its_errors_and_a_pair_to_pictures(open_page):
    page = open_page().open("models/slow/1.html")
    page.get_by_role("link", name="Items that it has wrong").first.click()
    page.wait_for_url("**/examples/mini-limit1/**")
    assert page.locator("[name=model]").input_value() == "slow"
    assert page.locator("[name=answer]").input_value() == "wrong"
    page = open_page().open("compare/mini-limit1/sharp/1/vs/slow/1.html")
    assert page.locator(".thumb").first.is_visible()
    page.locator(".thumbs a").first.click()
    page.wait_for_url("**/examples/mini-limit1/**")


def test_two_ticked_models_are_compared(open_page):
    page = open_page().open("measured/mini-limit1.html")
    for name in ("slow", "sharp"):
        page.get_by_label(f"Compare {name}", exact=True).check()
    page.get_by_role("link", name="Compare slow and sharp").click()
    page.wait_for_url("**/compare/mini-limit1/sharp/1/vs/slow/1.html")
    page = open_page().open("index.html")
    for name in ("CLIP RN50x64", "SD 2.1 + HardNeg", "SD 1.5"):
        page.get_by_label(f"Compare {name}", exact=True).check()
    assert not page.get_by_label("Compare CLIP RN50x64").is_checked()
    page.get_by_role("link", name="Compare SD 2.1 + HardNeg and SD 1.5").click()
    page.wait_for_url("**/compare/published/sd-1-5/vs/sd-2-1-plus-hardneg.html")


def test_the_first_table_is_sorted_searched_and_unfolded(open_page):
    page = open_page().open("index.html")
    before = names(page)
    assert "SD 2.1 + NoNeg" not in before
    head(page, "winoground.text").get_by_role("button").click()
    values = numbers(column(page, "winoground.text"))
    assert values == sorted(values, reverse=True)
    page.get_by_label("other fine-tunings").check()
    assert "SD 2.1 + NoNeg" in names(page)
    assert "SD 2.1" in names(page)[names(page).index("SD 2.1 + NoNeg") - 2 :]
    page.get_by_label("Search").fill("clip vit")
    assert set(names(page)) == {"CLIP ViT-B/32", "CLIP ViT-L/14", "OpenCLIP ViT-G/14",
                                "OpenCLIP ViT-H/14"}  # fmt: skip
    page.get_by_label("Search").fill("nothing like it")
    assert page.get_by_text("No model fits.").is_visible()
    page.get_by_role("button", name="Show all models").click()
    assert len(names(page)) > len(before)


def test_a_number_leads_to_its_sources(open_page):
    page = open_page().open("index.html")
    row = page.locator("tr[data-slug='sd-2-1-plus-hardneg']")
    row.get_by_role("link", name="39.5").click()
    page.wait_for_url("**/published/sd-2-1-plus-hardneg.html#winoground-text")
    assert page.locator("#winoground-text tr").count() >= 3


def test_the_whole_head_of_a_column_sorts(open_page):
    """A click anywhere in it, not only on its words."""
    for kind in ("home", "measured"):
        page = open_page().open(KINDS[kind])
        for cell in page.locator("thead th[data-key]:visible").all():
            box, target = cell.bounding_box(), cell.locator("button").bounding_box()
            assert target["width"] >= box["width"] - 2
            assert target["height"] >= box["height"] - 2


def test_the_search_of_all_numbers_says_what_it_finds(open_page):
    page = open_page().open("published/index.html")
    page.get_by_label("Search").fill("hardneg winoground text")
    found = page.locator(".filtered tbody tr:visible").count()
    assert 0 < found < 10
    assert f"{found} of" in page.get_by_role("status").inner_text()
    page.get_by_label("Search").fill("zzz")
    assert "No numbers fit" in page.get_by_role("status").inner_text()


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
        page.wait_for_url("**/compare/index.html")
        page.locator("a[data-pair]").first.click()
        page.wait_for_url("**/vs/**")
        page.get_by_role("link", name="Examples").click()
        page.wait_for_url("**/examples/index.html")
        page.locator("main a").first.click()
        page.locator("svg image").first.wait_for(state="visible")
        page.close()
        server.shutdown()
    assert lost == []
