"""`gdbench reproduce`: prices and wrong calls; whole tables are in tests/data."""

from __future__ import annotations

import json

import pytest

from gdbench.models.diffusion_itm.schedule import grid_timesteps


@pytest.fixture
def nothing_here(monkeypatch, tmp_path):
    """No data and no weights."""
    monkeypatch.setenv("GDBENCH_DATA", str(tmp_path / "nowhere"))
    monkeypatch.setenv("GDBENCH_LORA", str(tmp_path / "no loras"))
    monkeypatch.setattr("gdbench.models.diffusion_itm.kind.cached_repos", frozenset)


def test_the_price_needs_neither_data_nor_weights(gdbench, nothing_here):
    result = gdbench("reproduce", "krojer2023", "--dry-run", "--json")
    assert result.code == 0
    price = json.loads(result.out)
    jobs = {(j["run"], j["task"]): j for j in price["jobs"]}
    assert price["passes"] == sum(j["passes"] for j in price["jobs"])
    assert price["gpu_hours"] == pytest.approx(price["passes"] / 115 / 3600)
    # 400 items of four pairs and two pictures each
    assert jobs["sd2.1-250-steps", "winoground"]["passes"] == len(grid_timesteps(250)) * 400 * 6
    # three rows of tables have the same base, and two of them a LoRA
    (base,) = [text for text in price["downloads"] if ": sd2-community/" in text]
    assert set(base.partition(": ")[0].split(" ", 1)[1].split(", ")) == {
        "sd2.1", "sd2.1-noneg", "sd2.1-hardneg",
    }  # fmt: skip
    assert sum(text.startswith("LoRA: https://") for text in price["downloads"]) == 2
    assert any(text.startswith("clevr: https://") for text in price["downloads"])
    assert price["weights_bytes"] > 5e9
    assert price["data_bytes"] > 6.6e9  # COCO's pictures alone
    assert 0 < price["of_unknown_size"] < len(price["downloads"])


def test_lite_costs_less_and_full_costs_more(gdbench, nothing_here):
    passes = {
        budget: json.loads(
            gdbench("reproduce", "krojer2023", "--budget", budget, "--dry-run", "--json").out
        )["passes"]
        for budget in ("lite", "authors", "full")
    }
    assert passes["lite"] < passes["authors"] / 3
    assert passes["full"] > 2 * passes["authors"]


def test_the_price_uses_a_rate_of_ones_own(gdbench, nothing_here):
    result = gdbench(
        "reproduce", "krojer2023", "--table", "bias", "--dry-run", "--passes-per-second", 20
    )
    assert result.code == 0
    assert "20 passes a second (as given)" in result.out
    assert "score logs" in result.out


def test_wrong_calls_are_one_line(gdbench, nothing_here):
    for arguments, words in (
        (("--suite", "mini", "--table", "1"), "--table: --suite mini has its own"),
        (
            (
                "--lora",
                "soft-text=x",
            ),
            "expected one of random-text, hard-text, hard-image",
        ),
        (("--model", "sd2.1"), "expected NAME=FOLDER"),
        (("--runs", "nowhere", "--dry-run"), "no such folder"),
        (("--passes-per-second", "3"), "goes with --dry-run"),
        (("--model", "sd3.7=x", "--dry-run"), "the tables have clip-rn50x64"),
    ):
        result = gdbench("reproduce", "krojer2023", *arguments)
        assert result.code == 2, arguments
        assert words in result.err, result.err


@pytest.mark.slow
def test_the_findings_on_the_bundled_models(gdbench, tmp_path):
    result = gdbench(
        "reproduce", "krojer2023", "--suite", "mini", "--limit", 2, "--samples", 1, "--json"
    )
    assert result.code == 0
    report = json.loads(result.out)
    claims = [finding["claim"] for finding in report["findings"]]
    assert report["suite"] == "mini2"
    page = (tmp_path / "reproduction" / "report.html").read_text()
    assert all(finding["claim"] in page for finding in report["findings"])
    for words in ("as it is loses", "mends it", "ahead of CLIP on binding", "bias of its captions"):
        assert sum(words in claim for claim in claims) == 2
    for finding in report["findings"]:
        assert finding["verdict"] in {"shown", "not shown", "the opposite"}
        # two items show nothing after the adjustment
        assert finding["verdict"] == "not shown" or finding["p_value"] <= 0.05
