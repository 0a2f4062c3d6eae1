"""A run directory: refused to other runs, continued by the same, extended by a larger one."""

import json

import pytest

from gdbench.errors import InputError, RunMismatchError
from gdbench.evaluation import evaluate
from gdbench.models import load_model
from gdbench.protocol import ModelCard
from gdbench.records import ModelSettings
from gdbench.run import asked
from gdbench.run_folder import default_folder
from gdbench.tasks import TASKS

CLEVR, FLICKR = TASKS.get("clevr"), TASKS.get("flickr30k")


def timeless(record):
    data = record.model_dump(mode="json")
    cost = data["cost"]
    for name in ("wall_seconds", "device_seconds", "peak_memory_bytes"):
        del cost[name]
    return {k: v for k, v in data.items() if k != "created"}


def passes(model):
    return model.unet_evaluations


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (({"samples": 3}, 1), ({"samples": 3}, 2)),
        (({"samples": 3}, 2), ({"samples": 5}, 2)),
        (({"samples": 2, "norm": "mse"}, 1), ({"samples": 4, "norm": "mse"}, 2)),
    ],
)
def test_an_extended_run_is_the_fresh_one_and_spends_only_what_was_missing(tmp_path, first, then):
    def run(folder, options, few):
        model = load_model("mini-sd-early", batch_size=8, **options)
        records = evaluate(model, [FLICKR], tmp_path / folder, suite="mini", limit=few)
        return passes(model), [timeless(r) for r in records]

    begun, _ = run("grown", *first)
    added, grown = run("grown", *then)
    whole, fresh = run("fresh", *then)
    assert grown == fresh
    assert begun + added == whole
    assert grown[0]["cost"]["unet_evaluations"] == whole
    again, same = run("grown", *then)
    assert again == 0
    assert same == grown


def test_an_extension_that_was_killed_goes_on(tmp_path):
    """Some items have the new timesteps, some the old ones, some none."""
    few = load_model("mini-sd-early", samples=2, batch_size=8)
    evaluate(few, [CLEVR], tmp_path / "run", suite="mini", limit=1)

    class Stopped(BaseException):
        pass

    def stop(task, done, total):
        if done >= 4:
            raise Stopped

    more = load_model("mini-sd-early", samples=4, batch_size=8)
    with pytest.raises(Stopped):
        evaluate(more, [CLEVR], tmp_path / "run", suite="mini", limit=2, progress=stop)
    assert not (tmp_path / "run/clevr/record.json").exists()
    again = load_model("mini-sd-early", samples=4, batch_size=8)
    (grown,) = evaluate(again, [CLEVR], tmp_path / "run", suite="mini", limit=2)
    fresh = load_model("mini-sd-early", samples=4, batch_size=8)
    (whole,) = evaluate(fresh, [CLEVR], tmp_path / "fresh", suite="mini", limit=2)
    assert grown.metrics == whole.metrics
    assert grown.scores_sha256 == whole.scores_sha256


def begun(tmp_path, **options):
    conditions = {"suite": "mini", "limit": 2}
    model = load_model("mini-sd-early", **({"samples": 3} | options))
    evaluate(model, [CLEVR], tmp_path / "run", **conditions)


@pytest.mark.parametrize(
    ("first", "options", "conditions", "message"),
    [
        ({}, {"seed": 1}, {}, r"settings.seed \(--seed\) is 0 there and 1 now"),
        ({}, {"norm": "mse"}, {}, r"settings.norm \(--norm\)"),
        ({}, {"samples": 2}, {}, "made with --samples 3, which are not the first of --samples 2"),
        ({}, {}, {"limit": 1}, "has --limit 2, more than --limit 1"),
        ({}, {}, {"item_seed": 1}, r"conditions.item_seed \(--item-seed\)"),
        ({"stop": "sequential"}, {"samples": 9, "stop": "sequential"}, {}, "stops items"),
    ],
)
def test_what_differs_is_named(tmp_path, first, options, conditions, message):
    begun(tmp_path, **first)
    model = load_model("mini-sd-early", **({"samples": 3} | options))
    before = (tmp_path / "run/clevr/record.json").read_bytes()
    with pytest.raises(RunMismatchError, match=message):
        evaluate(model, [CLEVR], tmp_path / "run", **({"suite": "mini", "limit": 2} | conditions))
    assert (tmp_path / "run/clevr/record.json").read_bytes() == before


def test_the_grid_of_2023_cannot_be_extended(tmp_path):
    release = {"suite": "mini", "limit": 1, "compat": "diffusion-itm-2023"}
    model = load_model("mini-sd-early", samples=2, compat=release["compat"])
    evaluate(model, [CLEVR], tmp_path / "run", **release)
    more = load_model("mini-sd-early", samples=4, compat=release["compat"])
    with pytest.raises(RunMismatchError, match="not the first of"):
        evaluate(more, [CLEVR], tmp_path / "run", **release)


def test_the_release_s_items_need_the_release_s_noise(tmp_path):
    model = load_model("mini-sd-early", samples=2)
    with pytest.raises(InputError, match="loaded with nested timesteps and antithetic noise"):
        evaluate(model, [CLEVR], tmp_path, suite="mini", limit=1, compat="diffusion-itm-2023")


def test_a_run_of_an_earlier_version_is_refused(tmp_path, colour_model, colour_task):
    (tmp_path / "run").mkdir()
    (tmp_path / "run/run.json").write_text(json.dumps({"schema_version": 1, "suite": "mini"}))
    with pytest.raises(RunMismatchError, match="is of version 1"):
        evaluate(colour_model, [colour_task], tmp_path / "run", suite="mini")


def test_what_would_clash_is_in_the_name_of_the_folder():
    card = ModelCard(name="m", revision="0123456789ab")
    from gdbench.run import Conditions

    names = set()
    for options in ({}, {"seed": 3}, {"norm": "mse"}, {"stop": "sequential"}, {"dtype": "float16"},
                    {"normalise": False}, {"arguments": {"a": "1"}}):  # fmt: skip
        request, _ = asked("m", **options)
        names.add(default_folder(card, request, Conditions(suite="mini")))
    request, _ = asked("m", samples=10)
    assert default_folder(card, request, Conditions(suite="mini", limit=3)) == "m@0123456-mini"
    names.add(default_folder(card, request, Conditions(suite="mini", item_seed=1)))
    release = "diffusion-itm-2023"
    request, _ = asked("m", compat=release)
    names.add(default_folder(card, request, Conditions(suite="mini", compat=release)))
    assert len(names) == 9
    request, _ = asked("m", arguments={"a": "x" * 300})
    long = default_folder(card, request, Conditions())
    request, _ = asked("m", arguments={"a": "x" * 301})
    assert len(long) < 140
    assert long != default_folder(card, request, Conditions())


def test_every_setting_survives_the_way_to_the_record_and_back():
    model = load_model(
        "mini-sd-early", samples=4, seed=2, noise="independent", norm="mse", normalise=False,
        stop="sequential", delta=0.2, stop_ranks=(1, 5), dtype="bfloat16",
    )  # fmt: skip
    read = ModelSettings.model_validate_json(model.settings.model_dump_json())
    assert read == model.settings
    from gdbench.models import load_request
    from gdbench.run import ModelRequest

    again = load_request(ModelRequest(model="mini-sd-early", settings=read.asked()))
    assert again.settings == model.settings
    assert again.content == model.content
