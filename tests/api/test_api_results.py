"""From a call to results, tables and comparisons; what a caller gets wrong is one line."""

import numpy as np
import pytest
from PIL import Image

import gdbench
from gdbench import GdbenchError, ModelCard

TASKS = ["clevr", "pets"]


class Constant:
    card = ModelCard(name="mine")

    def score(self, images, texts):
        return np.zeros((len(images), len(texts)))


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GDBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def diffusion(cache):
    return gdbench.evaluate("mini-sd", TASKS, samples=3, limit=2, quiet=True)


@pytest.fixture(scope="module")
def constant(cache):
    return gdbench.evaluate(Constant(), "all", suite="mini2", limit=2, quiet=True)


def test_results_know_their_scores(constant):
    assert len(constant.tasks) == 8
    assert constant.score is not None
    chances = [constant.to_pandas().set_index("task").chance[n] for n in constant.task_scores]
    assert constant.score.value == pytest.approx(np.mean(chances))
    assert [e.value for e in constant.task_scores.values()] == pytest.approx(chances)
    assert constant.score.low <= constant.score.value <= constant.score.high
    for text in (repr(constant), constant._repr_html_(), constant.to_latex()):
        assert "GDBench" in text
    assert "partial, 2 of" in repr(constant)
    assert max(map(len, repr(constant).splitlines()[:-1])) <= 80


def test_no_gdbench_score_of_two_tasks(diffusion):
    assert diffusion.score is None
    assert "no GDBench score: 2 of its 7 tasks" in repr(diffusion)


def test_scores_and_errors_are_those_of_the_log(diffusion):
    scores, errors = diffusion.scores("clevr"), diffusion.errors("clevr")
    assert len(errors) == 3 * len(scores)
    # nothing is subtracted where an item asks for a text
    mean = (errors.unconditional_error.fillna(0) - errors.error).groupby(
        [errors["item"], errors.image, errors.text]
    ).mean()  # fmt: skip
    logged = scores.set_index(["item", "image", "text"]).score
    assert np.allclose(mean.sort_index(), logged.sort_index(), atol=1e-3)


def test_a_run_is_read_back_and_the_same_call_goes_on_in_it(diffusion):
    assert gdbench.load_run(diffusion.folder).records == diffusion.records
    again = gdbench.evaluate("mini-sd", TASKS, samples=3, limit=2, quiet=True)
    assert (again.folder, again.records) == (diffusion.folder, diffusion.records)


def test_an_object_of_another_state_has_its_own_folder(constant):
    again = gdbench.evaluate(Constant(), "clevr", suite="mini2", limit=1, quiet=True)
    assert again.folder != constant.folder


def test_a_class_and_its_options():
    with pytest.raises(GdbenchError, match="does not ask for it"):
        gdbench.evaluate(Constant, "clevr", suite="mini2", samples=3)


def test_a_pipeline_in_memory_is_the_model_of_its_folder(diffusion):
    from diffusers import DiffusionPipeline

    from gdbench.models.zoo import MODELS

    pipeline = DiffusionPipeline.from_pretrained(MODELS.get("mini-sd").source)
    here = gdbench.evaluate(pipeline, "clevr", suite="mini2", samples=3, limit=2, quiet=True)
    assert here["clevr"].scores_sha256 == diffusion["clevr"].scores_sha256
    assert here["clevr"].model.name == "mini-sd"


def test_comparison(diffusion, constant):
    compared = gdbench.compare(diffusion, str(constant.folder))
    assert [row.name for row in compared.rows] == [*TASKS, "gdbench"]
    assert "mini-sd" in repr(compared)
    assert list(compared.to_pandas().name) == [*TASKS, "gdbench"]
    assert compared.to_latex().startswith(r"\begin{tabular}")


def test_match():
    pictures = [Image.new("RGB", (32, 32), colour) for colour in ("red", "blue")]
    match = gdbench.match("mini-sd", pictures, "a red circle", samples=2)
    assert match.scores.shape == (2, 1)
    assert match.answer.errors.shape == (2, 1, 2)
    assert match.to_pandas().shape == (2, 1)
    assert "a red circle" in repr(match)


WRONG = {
    "model 3": lambda: gdbench.evaluate(3, "clevr"),
    "no model": lambda: gdbench.evaluate(None, "clevr"),
    "tasks 3": lambda: gdbench.evaluate("mini-sd", 3),
    "task 3": lambda: gdbench.evaluate("mini-sd", [3]),
    "no task": lambda: gdbench.evaluate("mini-sd", []),
    "a dict of tasks": lambda: gdbench.evaluate("mini-sd", {"clevr": 1}),
    "unknown task": lambda: gdbench.evaluate("mini-sd", ["clevrr"]),
    "unknown suite": lambda: gdbench.evaluate("mini-sd", "clevr", suite="minni"),
    "suite 3": lambda: gdbench.evaluate("mini-sd", "clevr", suite=3),
    "limit": lambda: gdbench.evaluate("mini-sd", "clevr", limit="many"),
    "samples": lambda: gdbench.evaluate("mini-sd", "clevr", samples="many"),
    "option": lambda: gdbench.evaluate("mini-sd", "clevr", nonsense=1),
    "compat": lambda: gdbench.evaluate("mini-sd", "clevr", compat="2024"),
    "arguments": lambda: gdbench.evaluate("mini-sd", "clevr", arguments=3),
    "out": lambda: gdbench.evaluate("mini-sd", "clevr", out=3),
    "root": lambda: gdbench.evaluate("constant", "clevr", root="nowhere"),
    "a function": lambda: gdbench.evaluate(lambda images, texts: 0, "clevr", suite="mini2"),
    "a matrix": lambda: gdbench.evaluate(np.zeros(3), "clevr", suite="mini2"),
    "missing run": lambda: gdbench.load_run("nowhere"),
    "run 3": lambda: gdbench.load_run(3),
    "compare 3": lambda: gdbench.compare(3, "nowhere"),
    "compare missing": lambda: gdbench.compare("nowhere", "nowhere"),
    "pictures": lambda: gdbench.match("mini-sd", 3, "x"),
    "missing picture": lambda: gdbench.match("mini-sd", ["nowhere.png"], "x"),
    "sentence": lambda: gdbench.match("mini-sd", Image.new("RGB", (8, 8)), ["x", " "]),
}


@pytest.mark.parametrize("call", WRONG.values(), ids=WRONG)
def test_wrong_calls_are_one_line(call, cache):
    with pytest.raises(GdbenchError) as caught:
        call()
    assert len(str(caught.value).splitlines()) == 1


def test_a_task_that_the_run_does_not_have(diffusion, constant):
    with pytest.raises(GdbenchError, match="it has: clevr, pets"):
        diffusion.scores("bias")
    with pytest.raises(GdbenchError, match="does not average over timesteps"):
        constant.errors("clevr")


def test_the_bundled_suite_is_named_where_data_is_missing(cache, tmp_path):
    with pytest.raises(GdbenchError, match="--suite mini"):
        gdbench.evaluate("constant", "clevr", root=tmp_path / "nowhere")
