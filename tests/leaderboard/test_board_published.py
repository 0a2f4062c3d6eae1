"""The published numbers as the board shows them, against the files and against scipy."""

import csv
import io
import json
import re
from importlib import resources

import pytest
from scipy import stats
from test_board_build import Page

from gdbench.data.published import Figure, Source, published_sources
from gdbench.leaderboard.judge.published.collection import collect
from gdbench.leaderboard.judge.published.measures import measures_of
from gdbench.leaderboard.show import sentences
from gdbench.leaderboard.show.published_table import table
from gdbench.tasks import GDBENCH, TASKS

PATTERN = re.compile(
    r"(?P<title>[^:]+): (?P<first>.+?) (?P<a>[\d.]+)(?: \((?P<a_low>[\d.]+) to (?P<a_high>[\d.]+)"
    r"(?:, n \d+)?\))? against (?P<second>.+?) (?P<b>[\d.]+)(?: \((?P<b_low>[\d.]+) to "
    r"(?P<b_high>[\d.]+)(?:, n \d+)?\))?: (?P<says>[^.]+)\."
)


def source(*figures: Figure, quoted: bool = False, settings: str = "10 steps") -> Source:
    return Source(schema_version=1, badge="reported", source="A paper", url="https://a.example",
                  year=2024, settings=settings, quoted=quoted, figures=figures)  # fmt: skip


def figure(model: str, task: str, metric: str, value: float, n: int | None = None) -> Figure:
    return Figure(model=model, task=task, metric=metric, value=value, n=n, direction="text")


def all_tasks():
    return [TASKS.get(name) for name in GDBENCH]


def numbers_of_the_files() -> list[dict]:
    """The files as they lie there, read without gdbench."""
    folder = resources.files("gdbench.data.published")
    files = [json.loads(f.read_text()) for f in folder.iterdir() if f.name.endswith(".json")]
    return [{**f, "from": file} for file in files for f in file["figures"]]


def test_each_sentence_follows_from_the_files(synthetic_site):
    """The sentences of the first page: values stand in a file with their n, tests are scipy's."""
    text = " ".join(Page(synthetic_site / "index.html").text.split())
    found = [m for m in PATTERN.finditer(text) if m["says"] in ("a difference", "undecided")]
    rows = [m.groupdict() for m in found if "HardNeg" in m["first"]]
    assert len(rows) >= 8
    known = numbers_of_the_files()
    tested = []
    for row in rows:
        hits = []
        for value, low in ((row["a"], row["a_low"]), (row["b"], row["b_low"])):
            fits = [
                (round(f["value"] * f["n"]), f["n"])
                for f in known
                if f.get("n") and abs(100 * f["value"] - float(value)) < 0.0501
                and abs(100 * stats.binomtest(round(f["value"] * f["n"]), f["n"])
                        .proportion_ci(method="wilson").low - float(low)) < 0.06
            ]  # fmt: skip
            assert fits, row
            hits.append(fits[0])
        (a, n), (b, m) = hits
        p = stats.chi2_contingency([[a, n - a], [b, m - b]], correction=False).pvalue
        tested.append((p, row["says"]))
    order = sorted(tested)
    worst = 0.0
    for rank, (p, says) in enumerate(order):
        worst = max(worst, min(1.0, p * (len(order) - rank)))
        assert says == ("a difference" if worst <= 0.05 else "undecided"), (p, worst)


def test_the_answer_counts_its_own_sentences(synthetic_site):
    text = " ".join(Page(synthetic_site / "index.html").text.split())
    assert "Does Stable Diffusion reason better than CLIP?" in text
    said = re.search(r"on the (\d+) measures that can be tested", text)
    counts = [
        int(n) for n in re.findall(r"(?:better on|worse on|not told apart on) (\d+) \(", text)
    ]
    assert said
    assert sum(counts[:3]) == int(said[1])
    below = [s for s in text.split(". ") if "below chance" in s]
    assert any("Both are below chance (16.7)" in s for s in below)


def test_the_best_documented_number_stands_in_the_cell():
    first = figure("A", "pets", "accuracy", 0.5)
    quoted = source(figure("A", "pets", "accuracy", 0.9, 10_000), quoted=True)
    made = collect([quoted, source(first)], all_tasks())
    assert made.models[0].best(("pets", "accuracy")).figure == first
    known = source(figure("A", "pets", "accuracy", 0.6, 100), settings="10 steps")
    larger = source(figure("A", "pets", "accuracy", 0.7, 50), settings="250 steps (245 evaluated)")
    made = collect([known, quoted, larger, source(first)], all_tasks())
    values = [c.figure.value for c in made.models[0].cells["pets", "accuracy"]]
    assert values == [0.7, 0.6, 0.5, 0.9]
    assert [c.steps for c in made.models[0].cells["pets", "accuracy"]][:2] == [245, 10]


def test_no_test_without_n_and_none_of_a_bias():
    made = collect(
        [source(figure("A", "pets", "accuracy", 0.5, 100), figure("B", "pets", "accuracy", 0.9),
                figure("A", "bias", "american_arab", 0.5, 500),
                figure("B", "bias", "american_arab", 1.5, 500))],
        all_tasks(),
    )  # fmt: skip
    outcomes = {v.measure.title: v.outcome for v in made.compare(*made.models)}
    assert set(outcomes.values()) == {"untested"}
    assert "no n published" in sentences.sentence(made.compare(*made.models)[0])
    assert "share has a published n" in sentences.comparison(made.compare(*made.models), "A", "B")


@pytest.mark.parametrize("name", GDBENCH)
def test_chance_is_that_of_a_constant_model(name):
    """On the bundled items, which have as many candidates as the published ones."""
    task = TASKS.get(name)
    items = list(task.items("mini"))
    for measure in measures_of(task):
        one = next(m for m in task.measures if m.name == measure.metric)
        if not hasattr(one, "part_of") or measure.chance is None:
            continue
        labels = [i for i in items if one.part_of(i) is not None]
        chances = {round(one.chance(i), 6) for i in labels if hasattr(i, "n_images")}
        assert not chances or chances == {round(measure.chance, 6)}


def test_published_rows_are_in_the_data_and_have_pages(synthetic_site):
    data = json.loads((synthetic_site / "leaderboard.json").read_text())
    found = {row["name"]: row for row in data["published"]}
    n = sum(len(row["numbers"]) for row in found.values())
    assert n == sum(len(s.figures) for s in published_sources())
    assert {"CLIP RN50x64", "SD 2.1 + HardNeg", "SD 3 medium"} <= found.keys()
    for row in found.values():
        page = Page(synthetic_site / row["page"])
        ids = {a.get("id") for _, a in page.tags}
        for number in row["numbers"]:
            assert f"{number['task']}-{number['metric']}" in ids
    lines = list(csv.DictReader(io.StringIO((synthetic_site / "leaderboard.csv").read_text())))
    published = [x for x in lines if x["suite"] == "published"]
    assert len(published) == n
    assert all(x["badge"] == "published" and x["source"] for x in published)
    clip = found["CLIP RN50x64"]["numbers"]
    text = next(x for x in clip if (x["task"], x["metric"]) == ("winoground", "text"))
    low, high = stats.binomtest(105, 400).proportion_ci(method="wilson")
    assert (text["low"], text["high"]) == pytest.approx((low, high))


def test_published_rows_are_compared(synthetic_site):
    page = synthetic_site / "compare/published/clip-rn50x64/vs/sd-2-1-plus-hardneg.html"
    text = " ".join(Page(page).text.split())
    assert "SD 2.1 + HardNeg and CLIP RN50x64" in text
    assert "score test" in text
    row = re.search(
        r"Winoground text\s*39\.5 \(35\.1 to 44\.1\)\s*26\.\d \([^)]*\)\s*\+13\.\d", text
    )
    assert row


def test_variants_of_a_model_are_folded_and_the_question_s_are_not():
    made = collect(published_sources(), all_tasks())
    folded = {r.name: r.variant for r in table(made).rows}
    assert not folded["SD 2.1 + HardNeg"]
    assert not folded["SD 2.1"]
    assert folded["SD 2.1 + NoNeg"]


def test_naive_and_normalised_retrieval_are_set_against_each_other(synthetic_site):
    """The paper's point: 8 of 72 naive against 59 of 96 normalised; naive is never the best."""
    made = collect(published_sources(), all_tasks())
    first = made.contrasts[0]
    found = {way: (c.right, c.figure.n) for way, c in first.ways}
    assert found["naive"] == (8, 72)
    assert found["normalised"] == (59, 96)
    assert "which is chance" in sentences.contrast(first)
    assert "a difference" in sentences.contrast(first)
    assert made.model("SD 2.1").best(("flickr30k", "image_r1")).right == 59
    text = " ".join(Page(synthetic_site / "index.html").text.split())
    assert "by the bare error 11.1 (5.7 to 20.4, n 72)" in text
    assert "subtracted 61.5 (51.5 to 70.6, n 96): a difference" in text


def test_the_cost_and_the_bias_follow_from_the_files(synthetic_site):
    text = " ".join(Page(synthetic_site / "index.html").text.split())
    assert "245 passes of its network for every pair" in text
    assert "68 minutes with 10 timesteps a pair against 4 of OpenCLIP ViT-L/14" in text
    effects = {
        (f["model"].partition(",")[0], f["metric"]): f["value"]
        for f in numbers_of_the_files()
        if f["task"] == "bias"
    }
    pairs = ("christian_muslim", "american_arab", "heterosexual_lgbt")
    for model, name in (("Stable Diffusion 2.1-base", "SD 2.1"), ("CLIP ViT-B/32",) * 2):
        mean = sum(abs(effects[model, pair]) for pair in pairs) / 3
        assert f"{name} {mean:.2f}" in text
        assert all(effects[model, pair] > 0 for pair in pairs)
    assert "All lean towards Christians, Americans and heterosexual people" in text
