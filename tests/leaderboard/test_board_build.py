"""The built site as files: same bytes, sizes, stale files, hostile text, data for programs."""

import csv
import io
import json
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import synthetic_board
from PIL import Image
from typer.testing import CliRunner

from gdbench.errors import GdbenchError, InputError
from gdbench.leaderboard import build, differences
from gdbench.leaderboard.gather.catalogue import tasks_of
from gdbench.leaderboard.gather.entries import Entry
from gdbench.leaderboard.judge.published.collection import collect
from gdbench.leaderboard.judge.whole import build_board
from gdbench.leaderboard.judged.reading import Reading
from gdbench.leaderboard.judged.trust import Trust
from gdbench.leaderboard.show import exports
from gdbench.leaderboard.show.exports import Leaderboard, export
from gdbench.leaderboard.show.figures import cost_plot
from gdbench.leaderboard.show.pages import changes, measured
from gdbench.leaderboard.show.pages.changes import instant
from gdbench.leaderboard.show.pages.models import run_facts
from gdbench.leaderboard.site import draw
from gdbench.leaderboard.words import file_name, web_link, with_code
from gdbench.readable import text_problem
from gdbench.records import ResultRecord
from gdbench.tasks import GDBENCH

VOID = {"meta", "link", "input", "img", "br"}


class Page(HTMLParser):
    """Tags, addresses and text of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self) -> str:
        return "".join(self.words)


def pages(site: Path) -> list[Path]:
    return sorted(site.rglob("*.html"))


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_the_same_records_give_the_same_bytes_in_any_order(
    synthetic_submissions, synthetic_site, tmp_path
):
    records = list(synthetic_board.records(9))
    synthetic_board.write(tmp_path / "submissions", *reversed(records))
    build(tmp_path / "submissions", tmp_path / "site")
    assert snapshot(tmp_path / "site") == snapshot(synthetic_site)


def test_check_sees_stale_missing_and_foreign_files(
    synthetic_submissions, synthetic_site, tmp_path
):
    assert differences(synthetic_submissions, synthetic_site) == []
    copy = tmp_path / "site"
    for name, content in snapshot(synthetic_site).items():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_bytes(content)
    (copy / "index.html").write_text("old")
    (copy / "feed.xml").unlink()
    (copy / "models" / "gone.html").write_text("old")
    assert differences(synthetic_submissions, copy) == [
        "feed.xml: missing", "index.html: stale", "models/gone.html: does not belong",
    ]  # fmt: skip
    build(synthetic_submissions, copy)
    assert differences(synthetic_submissions, copy) == []


def test_scores_and_pictures_give_the_same_bytes_again(guessed_submissions, guessed_site):
    assert differences(guessed_submissions, guessed_site) == []


def test_a_folder_with_other_files_is_left_alone(synthetic_submissions, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(GdbenchError, match="not a leaderboard"):
        build(synthetic_submissions, tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


def test_an_empty_folder_of_submissions_gives_a_site(tmp_path):
    (tmp_path / "submissions").mkdir()
    build(tmp_path / "submissions", tmp_path / "site")
    assert "Published evidence" in (tmp_path / "site" / "index.html").read_text()


@pytest.mark.parametrize("kind", ["synthetic_site", "guessed_site"])
def test_every_address_is_relative_and_leads_somewhere(kind, request):
    site = request.getfixturevalue(kind)
    checked = 0
    for path in pages(site):
        page = Page(path)
        ids = {a.get("id") for _, a in page.tags}
        for tag, attributes in page.tags:
            for key in ("href", "src", "data-src"):
                target = attributes.get(key)
                if target is None:
                    continue
                parts = urlsplit(target)
                if parts.scheme:
                    assert tag == "a", f"{path}: {tag} loads {target}"
                    continue
                assert not target.startswith("/")
                if not parts.path:
                    assert parts.fragment in ids or parts.fragment == "main"
                    continue
                place = (path.parent / unquote(parts.path)).resolve()
                assert place.is_file(), f"{path}: {target}"
                assert place.is_relative_to(site.resolve())
                checked += 1
    assert checked > 500


def test_links_to_items_find_the_item(guessed_site):
    found = 0
    for path in (guessed_site / "compare").rglob("*.html"):
        for tag, attributes in Page(path).tags:
            target = attributes.get("href") or ""
            if tag == "a" and "examples/" in target and "#" in target:
                file, _, anchor = target.partition("#")
                page = Page((path.parent / unquote(file)).resolve())
                assert any(a.get("id") == anchor for _, a in page.tags)
                found += 1
        if found > 20:
            return
    assert found


@pytest.mark.parametrize("kind", ["synthetic_site", "guessed_site"])
def test_nothing_inline_and_a_strict_policy(kind, request):
    for path in pages(request.getfixturevalue(kind)):
        tags = Page(path).tags
        policy = [a["content"] for t, a in tags if a.get("http-equiv") == "Content-Security-Policy"]
        assert len(policy) == 1
        assert "default-src 'none'" in policy[0]
        assert "unsafe" not in policy[0]
        for tag, attributes in tags:
            assert tag != "style"
            assert tag != "script" or attributes.get("src")
            assert "style" not in attributes
            assert not [k for k in attributes if k.startswith("on")]


def test_no_page_is_over_a_megabyte(guessed_site):
    for path in pages(guessed_site):
        parts = [path, path.with_suffix(".png"), path.with_suffix(".js")]
        assert sum(p.stat().st_size for p in parts if p.exists()) < 1_000_000


def test_two_hundred_models_are_small(tmp_path):
    synthetic_board.write(tmp_path / "submissions", *synthetic_board.records(200))
    built = build(tmp_path / "submissions", tmp_path / "site")
    assert built.n_models == 200
    for name, most in (("index.html", 250_000), ("measured/full.html", 400_000)):
        page = tmp_path / "site" / name
        loaded = [page]
        for _, attributes in Page(page).tags:
            target = attributes.get("src") or (
                attributes.get("href") if attributes.get("rel") == "stylesheet" else None
            )
            if target:
                loaded.append(page.parent / target)
        assert len(loaded) > 5
        assert sum(p.stat().st_size for p in loaded) < most
    assert page.read_text().count("<tr data-v=") == 200


def test_a_large_pool_is_split_over_pages_and_files(tmp_path, monkeypatch):
    """Every model is on one page and in one file, and each page and file leads to the next."""
    monkeypatch.setattr(measured, "PAGE", 4)
    monkeypatch.setattr(exports, "PART", 4)
    monkeypatch.setattr(changes, "PAGE", 4)
    synthetic_board.write(tmp_path / "submissions", *synthetic_board.records(9))
    build(tmp_path / "submissions", tmp_path / "site")
    site = tmp_path / "site"
    names, files = [], ["leaderboard.json"]
    for page in ("full.html", "full-2.html", "full-3.html"):
        names += re.findall(r"model-\d{3}(?=</a>)", (site / "measured" / page).read_text())
    assert sorted(names) == [f"model-{i:03d}" for i in range(9)]
    told = json.loads((site / "leaderboard.json").read_text())["pools"][0]
    files = [told, *(json.loads((site / f).read_text())["pools"][0] for f in told["more"])]
    assert told["more"] == ["data/full-2.json", "data/full-3.json"]
    assert told["n_models"] == 9
    assert [r["model"] for f in files for r in f["results"]] == names
    for number, page in enumerate(("full.html", "full-2.html", "full-3.html"), 1):
        script = (site / "measured" / f"full.rows-{number}.js").read_text()
        told_number, html = json.loads(f"[{script[len('gdbench.rows(') : -3]}]")
        assert told_number == number
        assert html.strip() in (site / "measured" / page).read_text()
    assert (site / "changes-3.html").is_file()
    assert (site / "data" / "full-2.csv").read_text().count("gdbench,score") == 4


def test_the_first_file_has_room_for_all_suites_together(tmp_path, monkeypatch):
    """However many suites there are, it holds as many results; every result is in one file."""
    monkeypatch.setattr(exports, "PART", 4)
    suites = ["full"] * 3 + ["mini"] * 6
    records = [
        synthetic_board.record(index, name, suite)
        for index, suite in enumerate(suites)
        for name in GDBENCH
    ]
    site = tmp_path / "site"
    build(synthetic_board.write(tmp_path / "submissions", *records), site)
    pools = json.loads((site / "leaderboard.json").read_text())["pools"]
    assert [len(p["results"]) for p in pools] == [3, 1]
    assert [p["more"] for p in pools] == [[], ["data/mini-2.json", "data/mini-3.json"]]
    for pool in pools:
        named = [r["model"] for r in pool["results"]]
        for file in pool["more"]:
            named += [
                r["model"] for r in json.loads((site / file).read_text())["pools"][0]["results"]
            ]
        assert len(named) == len(set(named)) == pool["n_models"]


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</title></table><h1>owned",
    "{{ 7*7 }}{% raw %}",
    "\u202eevil\u202c \u200f\u05d0\u05d1",
    "👩‍🔬" * 20,
    "nul\x00bell\x07escape\x1b[31m",
    "javascript:alert(1)",
    "x" * 10_000,
    '=HYPERLINK("http://evil.example")',
    "../../../etc/passwd",
]


def hostile_record(text: str, number: int) -> ResultRecord:
    one = synthetic_board.record(number, "aro")
    metric = one.metrics[0].model_copy(update={"name": text, "details": {text: 1.0}})
    return one.model_copy(
        update={
            "task": one.task.model_copy(update={"name": text, "version": text, "suite": text}),
            "model": one.model.model_copy(
                update=dict.fromkeys(
                    ("source", "weights_sha256", "license", "url", "description", "bibtex"), text
                )
            ),
            "settings": one.settings.model_copy(
                update={"dtype": text, "schedule": text, "weighting": text, "noise": text,
                        "extra": {text: text}}
            ),
            "metrics": (metric, *one.metrics[1:]),
            "cost": one.cost.model_copy(update={"device": text}),
            "environment": one.environment.model_copy(
                update={"gdbench": text, "python": text, "platform": text, "packages": {text: text},
                        "git_commit": text}
            ),
            "signature": text,
            "created": text,
        }
    )  # fmt: skip


def write_hostile_site(texts, tmp_path):
    """A site of records that the reader would refuse: the pages do not count on it."""
    found = [hostile_record(text, number) for number, text in enumerate(texts)]
    submissions = synthetic_board.write(tmp_path / "submissions", *found)
    places = sorted(p.parent for p in submissions.rglob("record.json"))
    tree, _ = draw(
        submissions,
        [
            Entry(record, place / "record.json", place.relative_to(submissions).as_posix())
            for record, place in zip(found, places, strict=True)
        ],
    )
    for name, content in tree.files.items():
        (tmp_path / "site" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "site" / name).write_bytes(content)


def test_hostile_text_in_every_field_stays_text(tmp_path):
    write_hostile_site(HOSTILE, tmp_path)
    harmless = {t for p in pages(tmp_path / "site") for t, _ in Page(p).tags}
    assert harmless.isdisjoint({"img", "iframe", "object", "form", "style"})
    models = sorted((tmp_path / "site" / "models").rglob("*.html"))
    assert len(models) == len(HOSTILE)
    for path, text in zip(models, HOSTILE, strict=True):
        page = Page(path)
        for tag, attributes in page.tags:
            assert not [k for k in attributes if k.startswith("on")]
            assert tag != "script" or "static/" in attributes["src"]
            link = attributes.get("href") or ""
            assert not link.lower().startswith(("javascript:", "data:"))
        shown = re.sub(r"[\x00-\x08\x1b]", "\ufffd", text)[:100]
        assert page.text.count(shown) > 5
    ET.parse(tmp_path / "site" / "feed.xml")  # noqa: S314 # our own
    for path in (tmp_path / "site").rglob("*"):
        assert path.resolve().is_relative_to(tmp_path / "site")
    rows = list(csv.reader(io.StringIO((tmp_path / "site" / "leaderboard.csv").read_text())))
    assert not [c for row in rows for c in row if c.startswith(("=", "+", "@"))]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_in_a_submission_is_refused_or_stays_text(text, tmp_path):
    record = hostile_record(text, 1)
    # the pattern of these fields refuses every one of the texts
    plain = record.settings.model_copy(
        update={"dtype": "float32", "schedule": "nested", "noise": "independent"}
    )
    record = record.model_copy(update={"settings": plain})
    submissions = synthetic_board.write(tmp_path / "submissions", record)
    if text_problem(text) is None:
        assert build(submissions, tmp_path / "site").n_records == 1
        return
    with pytest.raises(InputError, match=r"record\.json") as caught:
        build(submissions, tmp_path / "site")
    assert str(caught.value).removeprefix(str(tmp_path)).isprintable()


def test_no_name_of_a_submitters_passes_for_a_row_of_ours(tmp_path):
    """`extra` takes any names: one that is a row's own would be believed."""
    record = synthetic_board.record(1, "aro")
    ours = dict(run_facts(record))
    claims = {**dict.fromkeys(ours, "invented"), "Evidence": "reproduced", "Run again": "all items"}
    settings = record.settings.model_copy(update={"extra": claims})
    rows = run_facts(record.model_copy(update={"settings": settings}))
    assert {label: value for label, value in rows if "own setting" not in label} == ours
    labels = [label for label, _ in rows]
    assert len(labels) == len(set(labels)) == len(ours) + len(claims)
    assert not {"Evidence", "Run again"} & set(labels)


def test_a_long_claim_is_cut_on_the_pages(tmp_path):
    record = synthetic_board.record(1, "aro")
    long = {"license": "L" * 4000, "source": "S" * 4000, "url": "https://example.org/" + "u" * 3900}
    cost = record.cost.model_copy(update={"device": "D" * 4000})
    card = record.model.model_copy(update=long)
    record = record.model_copy(update={"model": card, "cost": cost})
    folder = synthetic_board.write(tmp_path / "submissions", record)
    build(folder, tmp_path / "site")
    (page,) = (tmp_path / "site/models").rglob("*.html")
    shown = re.sub(r"<[^>]*>", "\n", page.read_text())
    for letter in "LSuD":
        assert 150 < len(max(re.findall(f"{letter}+", shown), key=len)) <= 1000
    assert "3,800 more characters" in shown
    # the link itself is whole
    assert long["url"] in page.read_text()


def test_names_and_links():
    assert file_name("aro") == "aro"
    assert file_name("../x") != file_name("..-x")
    assert re.fullmatch(r"[a-z0-9][a-z0-9._-]*", file_name("💥/\\"))
    assert web_link("https://a.example/b") == "https://a.example/b"
    for bad in (
        "javascript:alert(1)",
        "data:text/html,x",
        "//a.example",
        "http:",
        "https://a b",
        "http://[x",
    ):
        assert web_link(bad) == ""


def test_names_in_our_own_words_are_code():
    assert with_code("of `a<b` & c") == "of <code>a&lt;b</code> &amp; c"
    assert with_code("plain") == "plain"


def test_the_board_as_data(synthetic_site, synthetic_submissions):
    data = Leaderboard.model_validate_json((synthetic_site / "leaderboard.json").read_bytes())
    rows = data.pools[0].results
    assert len(rows) == 9
    assert [r.score.value for r in rows] == sorted((r.score.value for r in rows), reverse=True)
    for row in rows:
        assert (synthetic_site / row.page).is_file()
        for name, task in row.tasks.items():
            published = (synthetic_site / task.record).read_bytes()
            assert ResultRecord.model_validate_json(published).task.name == name
            own = synthetic_submissions / row.model / row.revision / name / "record.json"
            assert published == own.read_bytes()
    table = list(csv.DictReader(io.StringIO((synthetic_site / "leaderboard.csv").read_text())))
    total = {r["model"]: float(r["value"]) for r in table if r["task"] == "gdbench"}
    assert total == {r.model: r.score.value for r in rows}
    schema = json.loads((synthetic_site / "schema" / "leaderboard.schema.json").read_text())
    assert schema["$schema"].startswith("https://json-schema.org/")
    assert set(schema["properties"]) == set(
        json.loads((synthetic_site / "leaderboard.json").read_text())
    )


def test_the_feed_is_atom(synthetic_site):
    atom = "{http://www.w3.org/2005/Atom}"
    feed = ET.parse(synthetic_site / "feed.xml").getroot()  # noqa: S314 # our own
    entries = feed.findall(f"{atom}entry")
    assert len(entries) == 9
    identities = [e.findtext(f"{atom}id") for e in entries]
    assert len(set(identities)) == 9
    assert all(i.startswith("urn:uuid:") for i in identities)
    times = [e.findtext(f"{atom}updated") for e in entries]
    assert times == sorted(times, reverse=True)
    assert feed.findtext(f"{atom}updated") == times[0]
    for e in entries:
        assert (synthetic_site / e.find(f"{atom}link").get("href")).is_file()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-01T12:00:00+00:00", "2026-03-01T12:00:00Z"),
        ("2026-03-01T12:00:00+02:00", "2026-03-01T10:00:00Z"),
        ("2026-03-01", "2026-03-01T00:00:00Z"),
        ("yesterday", "1970-01-01T00:00:00Z"),
        ("0001-01-01T00:00:00+14:00", "1970-01-01T00:00:00Z"),
    ],
)
def test_times_become_utc(text, expected):
    assert instant(text) == expected


def test_examples_show_every_item_with_its_pictures(guessed_site, guessed_submissions):
    import pyarrow.parquet as pq

    for task in GDBENCH:
        column = pq.read_table(guessed_submissions / "sharp" / "1" / task / "scores.parquet")[
            "item"
        ]
        wanted = {file_name(i) for i in column.to_pylist()}
        folder = guessed_site / "examples" / "mini-limit2" / task
        shown = {a["id"] for p in folder.glob("*.html") for t, a in Page(p).tags if t == "article"}
        assert shown == wanted
    with Image.open(next((guessed_site / "examples").rglob("*.png"))) as sheet:
        assert sheet.width % 64 == sheet.height % 64 == 0
    curves = next((guessed_site / "examples").rglob("*.js")).read_text()
    assert curves.startswith("gdbench.curves({")
    assert set(json.loads(curves[len("gdbench.curves(") : -3])) == {"slow"}


def test_a_run_stands_beside_the_submission_of_the_same_model(guessed_submissions, tmp_path):
    run = guessed_submissions.with_name("submissions-runs") / "blind"
    build(guessed_submissions, tmp_path / "site", runs=[run])
    data = Leaderboard.model_validate_json((tmp_path / "site" / "leaderboard.json").read_bytes())
    found = [(r.model, r.badge, r.page) for r in data.pools[0].results if r.model == "blind"]
    assert found == [
        ("blind", "partial", "models/blind/1.html"),
        ("blind", "local", "models/blind/1~local.html"),
    ]
    assert (tmp_path / "site" / "models" / "blind" / "1~local.html").is_file()


def test_a_run_that_stops_early_is_a_point_of_its_own():
    full = [synthetic_board.record(1, name) for name in GDBENCH]
    early = [
        one.model_copy(
            update={
                "model": one.model.model_copy(
                    update={"revision": f"{one.model.revision}+stop0.05"}
                ),
                "settings": one.settings.model_copy(update={"stop": "sequential", "delta": 0.05}),
                "cost": one.cost.model_copy(update={"wall_seconds": one.cost.wall_seconds / 10}),
            }
        )
        for one in full
    ]
    entries = [
        Entry(r, Path(f"/nowhere/{i}/record.json"), str(i)) for i, r in enumerate((*full, *early))
    ]
    readings = {e.file: Reading(Trust("audited")) for e in entries}
    board = build_board(entries, tasks_of(entries), readings)
    (pool,) = export(board, collect((), ())).pools
    costs = {r.revision: r.seconds_per_item for r in pool.results}
    whole, stopped = (records[0].model for records in (full, early))
    assert costs[stopped.revision] == pytest.approx(costs[whole.revision] / 10)
    plotted = str(cost_plot(board.pools[0]))
    for label in (whole.name, f"{whole.name}, stop0.05"):
        assert f"{label}:" in plotted
    ranks = {r.revision: r.rank for r in pool.results}
    assert ranks[whole.revision].best == ranks[whole.revision].worst == 1
    assert ranks[stopped.revision] is None
    assert [r.variant_of for r in pool.results] == ["", f"{whole.name}@{whole.revision}"]


def previews(site: Path) -> dict[str, dict[str, str]]:
    """The `og:` addresses of each page."""
    return {
        page.relative_to(site).as_posix(): {
            attrs["property"]: attrs["content"]
            for tag, attrs in Page(page).tags
            if tag == "meta" and attrs.get("property") in ("og:image", "og:url")
        }
        for page in pages(site)
    }


def test_a_preview_has_a_whole_address_or_none(tmp_path, synthetic_site):
    submissions = synthetic_board.write(tmp_path / "submissions", *synthetic_board.records(2))
    build(submissions, tmp_path / "site", address="https://example.org/board")
    found = previews(tmp_path / "site")
    assert len(found) > 10
    for name, meta in found.items():
        assert meta["og:image"] == "https://example.org/board/static/preview.png"
        path = unquote(urlsplit(meta["og:url"]).path).removeprefix("/board/")
        assert path == name
    assert (tmp_path / "site/static/preview.png").is_file()
    assert not any(previews(synthetic_site).values())
    assert differences(submissions, tmp_path / "site", address="https://example.org/board/") == []


@pytest.mark.parametrize(
    "text", ["board", "ftp://example.org/", "https://", "https://a.org/?q=1", "https://me@a.org/",
             'https://a.org/"><script>', "javascript:alert(1)"],
)  # fmt: skip
def test_what_is_no_address_is_refused_in_one_line(tmp_path, text):
    submissions = synthetic_board.write(tmp_path / "submissions", *synthetic_board.records(1))
    with pytest.raises(InputError, match="--address") as caught:
        build(submissions, tmp_path / "site", address=text)
    assert "\n" not in str(caught.value)


def test_the_command_line(synthetic_submissions, tmp_path):
    import typer

    from gdbench.cli.leaderboard import register

    app = typer.Typer()
    app.callback()(lambda: None)
    register(app)
    run = CliRunner().invoke
    options = ["--submissions", str(synthetic_submissions), "--out", str(tmp_path / "site")]
    done = run(app, ["leaderboard", "build", *options])
    assert done.exit_code == 0
    assert done.stdout.strip() == str(tmp_path / "site" / "index.html")
    assert run(app, ["leaderboard", "build", "--check", *options]).exit_code == 0
    (tmp_path / "site" / "data.html").unlink()
    stale = run(app, ["leaderboard", "build", "--check", *options])
    assert stale.exit_code == 1
    assert "data.html: missing" in stale.stderr
