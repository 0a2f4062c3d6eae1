"""`verify` finds every kind of tampering and damage, one test each."""

import os
import pickle
import shutil

import numpy as np
import pandas as pd
import pytest

from gdbench.errors import InputError
from gdbench.evaluation import evaluate
from gdbench.leaderboard.gather.entries import load
from gdbench.submissions.levels import Level
from gdbench.submissions.submit import submit
from gdbench.submissions.verify import verify
from gdbench.tasks import TASKS
from tests.submissions.tampering import (
    BIAS,
    DIFFUSION,
    HTML,
    NESTED,
    WINO,
    audit_of_huge_numbers,
    audited,
    better_scores,
    bomb,
    case_twin,
    copied_revision,
    cut_text,
    double_first_item,
    doubled_key,
    drop_first_item,
    drop_item_and_say_so,
    drop_metric,
    empty_cell,
    encrypted,
    fifo,
    flipped_byte,
    invent_metric,
    last_digit,
    link_folder,
    link_record,
    long_ids,
    metric,
    put,
    raw_record,
    raw_scores,
    record_edit,
    rename,
    rename_item,
    repeat_metric,
    score_edit,
    sparse,
    stolen_scores,
    stopped_without_timesteps,
    stray,
    swap_rows,
    swapped_ids,
    truncated_parquet,
    two_cards,
    with_score,
    word,
)

TAMPERINGS = {
    # scores
    "score_last_digit_changed_metric_left_alone": (score_edit(last_digit), "hash"),
    "better_scores_metric_left_alone": (score_edit(better_scores, fit_hash=True), "metric"),
    "item_dropped": (score_edit(drop_first_item), "ids"),
    "item_dropped_and_count_and_hash_adjusted": (drop_item_and_say_so, "manifest"),
    "item_doubled": (score_edit(double_first_item), "ids"),
    "ids_swapped": (score_edit(swapped_ids), "hash"),
    "id_unknown": (score_edit(rename_item("nobody")), "ids"),
    "id_too_long": (score_edit(rename_item("x" * 400)), "ids"),
    "id_with_markup": (score_edit(rename_item(HTML)), "ids"),
    "score_nan": (score_edit(with_score(np.nan)), "finite"),
    "score_infinite": (score_edit(with_score(np.inf)), "finite"),
    "rows_of_an_item_swapped": (score_edit(swap_rows), "ids"),
    "a_pair_missing": (score_edit(lambda f: f.drop(index=2)), "ids"),
    "no_rows": (score_edit(lambda f: f.iloc[:0]), "ids"),
    "empty_cell": (empty_cell, "scores"),
    "scores_as_integers": (
        score_edit(lambda f: f.assign(score=f.score.astype("int64"))),
        "scores",
    ),
    "extra_column": (score_edit(lambda f: f.assign(note="x")), "scores"),
    "column_missing": (score_edit(lambda f: f.drop(columns=["truncated_texts"])), "scores"),
    "cut_texts_changed_in_the_log": (score_edit(cut_text, fit_hash=True), "count"),
    "scores_missing": (lambda tree: (tree / WINO / "scores.parquet").unlink(), "missing"),
    "parquet_cut_short": (truncated_parquet, "scores"),
    "parquet_byte_flipped": (flipped_byte, None),
    "pickle_renamed_parquet": (raw_scores(pickle.dumps({"score": 1.0})), "scores"),
    "empty_parquet": (raw_scores(b""), "scores"),
    "parquet_magic_only": (raw_scores(b"PAR1" * 3), "scores"),
    "too_many_rows": (bomb, "scores"),
    "huge_ids": (long_ids, "ids"),
    "a_column_is_encrypted": (encrypted, "scores"),
    "scores_of_5_gb": (sparse("scores.parquet", 5 * 10**9), "file"),
    # numbers in the record
    "metric_changed_alone": (metric("text", "value", 0.9), "metric"),
    "interval_low_changed": (metric("text", "low", 0.0), "metric"),
    "interval_high_changed": (metric("group", "high", 0.999), "metric"),
    "interval_removed": (metric("text", "low", None), "metric"),
    "n_of_a_metric_changed": (metric("text", "n", 400), "metric"),
    "clusters_changed": (metric("text", "n_clusters", 1), "metric"),
    "chance_changed": (metric("group", "chance", 0.5), "metric"),
    "ties_changed": (metric("text", "ties", 99), "metric"),
    "strict_changed": (metric("text", "strict", 0.99), "metric"),
    "lenient_changed": (metric("image", "lenient", 0.001), "metric"),
    "metric_missing": (record_edit(drop_metric), "metric"),
    "metric_invented": (record_edit(invent_metric), "metric"),
    "metric_twice": (record_edit(repeat_metric), "metric"),
    "noise_error_of_a_model_without_noise": (metric("text", "noise_se", 0.01), "metric"),
    "noise_error_impossible": (metric("text", "noise_se", 7.0, DIFFUSION), "metric"),
    "score_changed": (put("score", 0.99), "score"),
    "score_removed": (put("score", None), "score"),
    "effect_size_changed": (metric("dax_wug", "value", 0.0, BIAS), "metric"),
    "p_value_changed": (metric("dax_wug", "p_value", 1e-9, BIAS), "metric"),
    "word_contribution_changed": (record_edit(word, BIAS), "metric"),
    "score_of_bias_invented": (put("score", 0.5, folder=BIAS), "score"),
    "seed_changed": (put("settings", "seed", 5, folder=BIAS), "signature"),
    "n_items_changed": (put("task", "n_items", 400), "count"),
    "n_expected_changed": (put("task", "n_expected", 30), "count"),
    "limit_changed": (put("task", "limit", 7), "ids"),
    "truncated_texts_changed": (put("truncated_texts", 3), "count"),
    # hashes and identity
    "wrong_scores_hash": (put("scores_sha256", "0" * 64), "hash"),
    "wrong_manifest_hash": (put("task", "manifest_sha256", "0" * 64), "manifest"),
    "hash_is_no_hash": (put("scores_sha256", "deadbeef"), "schema"),
    "signature_changed": (put("signature", "gdb|task:winoground|seed:0|v1"), "signature"),
    "signature_broken": (put("signature", "trust me"), "signature"),
    "model_name_climbs_out": (put("model", "name", "../../../etc/passwd"), "schema"),
    "model_name_is_two_dots": (put("model", "name", ".."), "schema"),
    "model_name_differs_from_path": (put("model", "name", "gpt-7"), "layout"),
    "revision_differs_from_path": (rename("hashing/1", "hashing/2"), "layout"),
    "model_folder_renamed": (rename("hashing", "better"), "layout"),
    "task_folder_renamed": (rename(WINO, "hashing/1/clevr"), "layout"),
    "task_unknown": (put("task", "name", "nonsense"), "manifest"),
    "suite_unknown": (put("task", "suite", "secret"), "manifest"),
    "task_version_breaks_the_line": (put("task", "version", "1\n0 problems"), "manifest"),
    "limit_of_a_thousand_digits": (put("task", "limit", 10**1000), "schema"),
    "item_seed_of_a_thousand_digits": (put("task", "item_seed", 10**1000), "schema"),
    "resampling_seed_of_a_thousand_digits": (put("resampling_seed", 10**1000), "schema"),
    "task_version_changed": (put("task", "version", "99"), "manifest"),
    "same_scores_as_new_revision": (copied_revision, "duplicate"),
    "scores_of_another_model": (stolen_scores, "duplicate"),
    "folder_differs_only_in_case": (case_twin, "duplicate"),
    "two_cards_in_one_revision": (two_cards, "duplicate"),
    # cost and origin
    "no_time": (put("cost", "wall_seconds", 0.0), "cost"),
    "negative_time": (put("cost", "wall_seconds", -5.0), "cost"),
    "a_time_that_no_clock_shows": (put("cost", "wall_seconds", 1e-300), "cost"),
    "device_memory_below_zero": (put("cost", "peak_device_memory_bytes", -1), "cost"),
    "device_memory_of_all_machines": (put("cost", "peak_device_memory_bytes", 10**30), "cost"),
    "no_memory": (put("cost", "peak_memory_bytes", 1), "cost"),
    "evaluations_without_timesteps": (put("cost", "unet_evaluations", 5), "cost"),
    "too_few_evaluations": (put("cost", "unet_evaluations", 5, folder=DIFFUSION), "cost"),
    "too_many_evaluations": (put("cost", "unet_evaluations", 10**9, folder=DIFFUSION), "cost"),
    "evaluations_removed": (put("cost", "unet_evaluations", None, folder=DIFFUSION), "cost"),
    "busier_than_the_clock": (put("cost", "device_seconds", 1e8), "cost"),
    "idle_below_zero": (put("cost", "device_seconds", -1.0), "cost"),
    "faster_than_light": (put("cost", "wall_seconds", 1e-6, folder=DIFFUSION), "cost"),
    "created_in_the_future": (put("created", "2199-01-01T00:00:00+00:00"), "created"),
    "created_nowhere": (put("created", "2026-01-01T00:00:00"), "created"),
    "created_elsewhere": (put("created", "2026-11-29T23:00:00+14:00"), "created"),
    "created_as_a_week": (put("created", "2026-W48-7T00:00:00+00:00"), "created"),
    "created_without_hyphens": (put("created", "20261129T153242Z"), "created"),
    "created_on_two_lines": (put("created", "2026-11-29\n15:32:42"), "created"),
    "stopped_without_delta": (put("settings", "stop", "sequential", folder=DIFFUSION), "schema"),
    "stopped_without_timesteps": (stopped_without_timesteps, "schema"),
    "level_of_a_rule_that_is_not_there": (put("settings", "delta", 0.05), "schema"),
    "ranks_of_a_rule_that_is_not_there": (put("settings", "stop_ranks", [1]), "schema"),
    "rank_below_the_best": (put("settings", "stop_ranks", [0], folder=DIFFUSION), "schema"),
    "no_ranks": (put("settings", "stop_ranks", [], folder=DIFFUSION), "schema"),
    "created_is_no_time": (put("created", "yesterday"), "created"),
    "no_packages": (put("environment", "packages", {}), "environment"),
    "packages_of_a_whole_machine": (
        put("environment", "packages", {f"p{i}": "1" for i in range(5000)}),
        "environment",
    ),
    "packages_without_versions": (put("environment", "packages", {"numpy": ""}), "environment"),
    "commit_is_none": (put("environment", "git_commit", "main"), "environment"),
    "no_device": (put("cost", "device", ""), "environment"),
    "weights_hash_is_no_hash": (put("model", "weights_sha256", "abc"), "schema"),
    "negative_parameters": (put("model", "parameters", -1), "schema"),
    "no_pixels": (put("model", "resolution", 0), "schema"),
    "other_timesteps": (put("settings", "timesteps", 3, 11, folder=DIFFUSION), "schema"),
    "timestep_twice": (put("settings", "timesteps", 3, 10, folder=DIFFUSION), "schema"),
    "timestep_outside": (put("settings", "timesteps", 3, 10**30, folder=DIFFUSION), "schema"),
    "other_budget": (put("settings", "samples", 50, folder=DIFFUSION), "schema"),
    "other_noise": (put("settings", "noise_sha256", "0" * 64, folder=DIFFUSION), "hash"),
    "huge_latent": (put("settings", "latent_shape", [10**6] * 3, folder=DIFFUSION), "schema"),
    "impossible_delta": (put("settings", "delta", 2.0, folder=DIFFUSION), "schema"),
    # text
    "html_in_the_description": (put("model", "description", HTML), "text"),
    "html_in_the_platform": (put("environment", "platform", HTML), "text"),
    "html_in_a_key": (put("environment", "packages", {HTML: "1"}), "text"),
    "html_in_a_detail": (put("settings", "extra", {"a": "<b>"}), "text"),
    "javascript_link": (put("model", "url", "javascript:alert(1)"), "text"),
    "link_that_hides_its_host": (put("model", "url", "https://huggingface.co@b.example"), "text"),
    "link_with_a_quote": (put("model", "url", 'https://a.example/" onclick="x'), "text"),
    "link_without_a_host": (put("model", "url", "https:///a"), "text"),
    "link_to_the_reader_s_machine": (put("model", "url", "http://127.0.0.1:8000/"), "text"),
    "link_to_the_reader_s_network": (put("model", "url", "http://2130706433/"), "text"),
    "link_with_letters_that_look_alike": (put("model", "url", "https://аrxiv.org/"), "text"),  # noqa: RUF001 # the attack
    "link_with_a_dot_that_is_none": (put("model", "url", "https://arxiv.org。b.example/"), "text"),
    "link_to_no_port": (put("model", "url", "https://a.example:port/"), "text"),
    "link_that_is_none": (put("model", "url", "https://[::1"), "text"),
    "line_separator": (put("model", "license", "MIT\u2028gpl"), "text"),
    "marks_piled_up": (put("model", "license", "a" + 30 * "\u0301"), "text"),
    "control_character": (put("model", "license", "MIT\x1b[2J"), "text"),
    "right_to_left_override": (put("model", "license", "MIT\u202egpl"), "text"),
    "very_long_string": (put("model", "bibtex", "x" * 5000), "text"),
    # schema and JSON
    "future_schema": (put("schema_version", 99), "schema"),
    "schema_is_text": (put("schema_version", "1"), "schema"),
    "schema_is_true": (put("schema_version", bool(1)), "schema"),
    "unknown_field": (put("verified", "yes"), "schema"),
    "badge_typed": (put("badge", "recomputed"), "schema"),
    "field_missing": (record_edit(lambda raw: raw.pop("cost")), "schema"),
    "number_as_text": (put("task", "n_items", "30"), "schema"),
    "number_with_5000_digits": (raw_record(b'{"schema_version": ' + b"9" * 5000 + b"}"), "json"),
    "nan_in_json": (put("score", float("nan")), "json"),
    "key_twice": (doubled_key, "json"),
    "deeply_nested_json": (raw_record(NESTED), "json"),
    "json_cut_short": (raw_record(b'{"schema_version": 1'), "json"),
    "json_list": (raw_record(b"[]"), "json"),
    "json_empty": (raw_record(b""), "json"),
    "not_utf8": (raw_record(b'{"a": "\xff\xfe"}'), "json"),
    "record_of_5_gb": (sparse("record.json", 5 * 10**9), "file"),
    # files
    "record_missing": (lambda tree: (tree / WINO / "record.json").unlink(), "missing"),
    "record_is_a_link": (link_record, "layout"),
    "folder_is_a_link": (link_folder, "layout"),
    "record_is_a_pipe": (fifo, "file"),
    "record_is_a_folder": (
        lambda tree: (
            (tree / WINO / "record.json").unlink(),
            (tree / WINO / "record.json").mkdir(),
        ),
        "file",
    ),
    "extra_file": (lambda tree: (tree / WINO / "model.pkl").write_bytes(b"x"), "layout"),
    "hidden_file": (lambda tree: (tree / WINO / ".profile").write_text("x"), "layout"),
    "file_beside_tasks": (lambda tree: (tree / "hashing/notes.txt").write_text("x"), "layout"),
    "folder_name_breaks_the_line": (lambda tree: (tree / "a\nb").mkdir(), "layout"),
    "folder_name_is_no_name": (lambda tree: (tree / "a b").mkdir(), "layout"),
    "empty_folder": (lambda tree: (tree / "empty").mkdir(), "layout"),
    "log_is_no_toml": (lambda tree: (tree / "INVALIDATED.toml").write_text("[[x"), "log"),
    "readme_is_a_pipe": (lambda tree: os.mkfifo(tree / "README.md"), "layout"),
    "record_among_models": (stray("record.json"), "layout"),
    "record_among_revisions": (stray("hashing/record.json"), "layout"),
    "record_among_tasks": (stray("hashing/1/record.json"), "layout"),
    "scores_among_models": (stray("scores.parquet"), "layout"),
    "audit_on_no_day": (audited(date="2026-99-99"), "log"),
    "audit_on_the_30th_of_february": (audited(date="2026-02-30"), "log"),
    "audit_in_the_future": (audited(date="2199-01-01"), "log"),
    "audit_of_more_than_certainty": (audited(items=3, power=5.0), "log"),
    "log_has_5000_digits": (
        lambda tree: (tree / "AUDITED.toml").write_text(f"x = {'9' * 5000}"),
        "log",
    ),
    "log_has_more_than_a_float": (audit_of_huge_numbers, "log"),
    "log_has_markup": (
        lambda tree: (tree / "INVALIDATED.toml").write_text(
            f'[[invalidated]]\npath = "a"\nreason = "{HTML}"\ndate = "2026-01-01"\n'
        ),
        "text",
    ),
}


def test_untouched_submissions_are_ok(pristine):
    report = verify(pristine)
    assert report.ok, report.problems
    assert {v.level for v in report.submissions} == {Level.PARTIAL}  # 30 of the mini suite's items
    assert [v.place.path for v in report.submissions] == [
        "denoising/2/winoground",
        "hashing/1/bias",
        "hashing/1/winoground",
    ]


@pytest.mark.parametrize("name", sorted(TAMPERINGS))
def test_tampering_is_found(name, tree):
    tamper, check = TAMPERINGS[name]
    tamper(tree)
    report = verify(tree)
    assert not report.ok
    if check is not None:
        assert check in {p.check for p in report.problems}, report.problems
    for problem in report.problems:
        assert problem.problem.isprintable()
        assert problem.path.isprintable()
        assert "<script" not in problem.path


def test_at_least_25_kinds_are_covered():
    assert len(TAMPERINGS) >= 25


def test_untouched_neighbours_keep_their_badge(tree):
    put("score", 0.99)(tree)
    badges = {v.place.path: v.level for v in verify(tree).submissions}
    assert badges["hashing/1/winoground"] is Level.FAILED
    assert badges["hashing/1/bias"] is Level.PARTIAL


@pytest.mark.parametrize("inside", ["hashing", "hashing/1", "hashing/1/winoground"])
def test_any_level_can_be_verified(tree, inside):
    assert verify(tree / inside).ok
    put("score", 0.99)(tree)
    assert not verify(tree / inside).ok


def test_nothing_is_not_ok(tmp_path):
    (report,) = [verify(tmp_path)]
    assert not report.ok
    with pytest.raises(InputError, match="no such folder"):
        verify(tmp_path / "missing")


@pytest.mark.parametrize("folder", [WINO, BIAS], ids=["winoground", "bias"])
def test_rows_may_come_in_any_order_of_items(tree, folder):
    def reverse(frame):
        blocks = [g for _, g in frame.groupby("item", sort=False)][::-1]
        return pd.concat(blocks, ignore_index=True)

    score_edit(reverse, folder)(tree)
    report = verify(tree / folder)
    assert report.ok, report.problems


def test_a_run_is_verified_with_its_errors(runs, tmp_path):
    report = verify(runs / "denoising")
    assert report.ok, report.problems
    assert [v.place.path for v in report.submissions] == ["winoground"]
    run = shutil.copytree(runs / "denoising", tmp_path / "run")
    metric("text", "noise_se", 0.123, "winoground")(run)
    checksum, problem = verify(run).problems
    assert checksum.check == "checksum"
    assert problem.path == "winoground/record.json"
    assert "noise_se" in problem.problem


def test_errors_cost_evaluations_whatever_rule_is_named(runs, tmp_path):
    run = shutil.copytree(runs / "denoising", tmp_path / "run")
    folder = "winoground"
    for *keys, value in (("settings", "stop", "predictive"), ("settings", "delta", 0.2),
                         ("cost", "unet_evaluations", 30)):  # fmt: skip
        put(*keys, value, folder=folder)(run)
    problems = [p.problem for p in verify(run).problems if p.check == "cost"]
    # 30 items with 4 pairs at 12 timesteps
    assert problems == ["unet_evaluations is 30, expected 1440 to 4320"]


@pytest.mark.parametrize("name", ["record.json", "hashing/record.json", "hashing/1/record.json"])
def test_a_stray_record_is_the_only_fault(tree, name):
    stray(name)(tree)
    report = verify(tree)
    assert [(p.path, p.check) for p in report.problems] == [(name, "layout")]
    assert "<model>/<revision>/<task>/record.json" in report.problems[0].problem
    assert {v.level for v in report.submissions} == {Level.PARTIAL}


def test_entries_of_logs_without_effect_are_told(tree):
    audited(items=1, of=1)(tree)
    (tree / "INVALIDATED.toml").write_text(
        '[[invalidated]]\npath = "hashing2"\nreason = "typed wrongly"\ndate = "2026-01-31"\n'
    )
    report = verify(tree)
    assert report.ok
    assert [(n.path, n.check, n.problem) for n in report.notes] == [
        ("INVALIDATED.toml", "log", "hashing2: there is no such result here"),
        (
            "AUDITED.toml",
            "log",
            "hashing/1/winoground: without effect: says 1 items, the result has 30",
        ),
    ]
    levels = {v.place.path: v.level for v in report.submissions}
    assert levels["hashing/1/winoground"] is Level.PARTIAL
    # of a part of the tree nobody knows what else there is
    assert not verify(tree / "denoising").notes


def test_a_model_answers_a_question_once(tmp_path, hashing):
    """Verification and board agree: what is there twice is refused by both."""
    tree = tmp_path / "submissions"
    for run, seed, folder in (("a", 1, "1+mini2"), ("b", 2, "1")):
        evaluate(hashing(seed), [TASKS.get("winoground")], tmp_path / run, suite="mini2", limit=20)
        submit(tmp_path / run, tmp_path / f"of_{run}")
        made = tmp_path / f"of_{run}/hashing/1+mini2"
        shutil.copytree(made, tree / "hashing" / folder)
    report = verify(tree)
    assert [(p.path, p.check) for p in report.problems] == [("hashing/1/winoground", "duplicate")]
    with pytest.raises(InputError, match="the same model and task"):
        load(tree)
