"""Models that misbehave, through the command line, and then again when they are well.

Whatever a model does, the run ends in one line and exit code 2, or in the right record; what was
scored before is kept, and the same command ends in the record of a run that nothing disturbed.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gdbench.records import ResultRecord

FAULT, WHEN = "MODEL_FAULT", 5
MODEL = """\
import ctypes, hashlib, os, random, signal, subprocess, sys, threading, time, warnings
from pathlib import Path
import numpy as np
import torch
from gdbench import ModelCard, ModelSettings, Scores
from gdbench.metrics.denoising import matrix_of

FAULT = os.environ.get("MODEL_FAULT", "")
FROM = 5


class BrokenText(Exception):
    def __str__(self):
        raise ValueError


def number(*parts):
    return int(hashlib.sha256(repr(parts).encode()).hexdigest()[:6], 16) / 2**24


lie = None


def recurse():
    return recurse()


class One:
    card = ModelCard(name="one")
    count = 0

    def score(self, images, texts):
        self.count += 1
        matrix = np.array([[number(i.tobytes(), t) for t in texts] for i in images])
        space = {"matrix": matrix, "images": images, "texts": texts, "model": self}
        if self.count >= FROM:
            exec(FAULT, globals(), space)
        return space["matrix"]


class Many:
    card = ModelCard(name="many")
    settings = ModelSettings(
        samples=3, timesteps=(10, 20, 30), schedule="nested", norm="l2", normalise=False,
        stop="none", weighting="uniform",
    )
    passes = 0

    @property
    def unet_evaluations(self):
        return -1 if FAULT == "lie" else self.passes

    def score(self, images, texts):
        raise NotImplementedError

    def score_items(self, items):
        held = []
        for count, item in enumerate(items, 1):
            errors = np.array([[[1 + number(i.sha256, t, k) for k in range(3)]
                                for t in item.texts] for i in item.images], np.float32)
            matrix = matrix_of(errors, None, self.settings)
            self.passes += errors.size
            scores = Scores(item.id, matrix, errors)
            space = {"scores": scores, "matrix": matrix, "errors": errors, "item": item,
                     "model": self}
            if count >= FROM:
                exec(FAULT, globals(), space)
            if space["scores"] != "nothing":
                yield space["scores"]
"""
COMMAND = ("evaluate", "--suite", "mini", "--tasks", "winoground", "--limit", 10)


@pytest.fixture(scope="module")
def spec(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "mine.py"
    path.write_text(MODEL)
    return str(path)


@pytest.fixture(scope="module")
def undisturbed(spec, tmp_path_factory):
    """The record of each model when it is well."""
    found = {}

    def of(name, gdbench):
        if name not in found:
            out = tmp_path_factory.mktemp("well")
            assert gdbench(*COMMAND, "--model", f"{spec}:{name}", "--out", out).code == 0
            found[name] = record(out)
        return found[name]

    return of


def record(out=Path("run")):
    data = json.loads((out / "winoground/record.json").read_text())
    del data["created"], data["environment"]
    for name in ("wall_seconds", "peak_memory_bytes"):
        del data["cost"][name]
    return data


def fails_and_heals(gdbench, monkeypatch, model, fault, undisturbed, *options, code=2):
    """The line of the failing run; the healed one ends in the undisturbed record."""
    name = model.rpartition(":")[2]
    well = undisturbed(name, gdbench)
    monkeypatch.setenv(FAULT, fault)
    result = gdbench(*COMMAND, "--model", model, "--out", "run", *options)
    monkeypatch.delenv(FAULT)
    lines = [line for line in result.err.splitlines() if line.startswith("gdbench: ")]
    assert result.code == code, result.err
    assert len(lines) == 1, result.err
    assert not Path("run/winoground/record.json").exists()
    healed = gdbench(*COMMAND, "--model", model, "--out", "run")
    assert healed.code == 0, healed.err
    assert f"resumed: {WHEN - 1} of" in healed.err
    found = record()
    if well["cost"]["unet_evaluations"] is not None:
        # what the failing start spent on what it did not answer was spent
        assert found["cost"].pop("unet_evaluations") >= well["cost"]["unet_evaluations"]
        found["cost"]["unet_evaluations"] = well["cost"]["unet_evaluations"]
    assert found == well
    return lines[0]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("matrix[0, 0] = np.nan", "NaN or infinity"),
        ("matrix = matrix[:1]", "shape (1, 2), expected (2, 2)"),
        ("matrix = matrix > 0", "type bool"),
        ("matrix = matrix.astype(object)", "type object"),
        ("matrix = matrix.astype(complex)", "type complex128"),
        ("matrix = None", "NoneType"),
        ("sys.exit(0)", "raised SystemExit: 0"),
        ("raise GeneratorExit", "raised GeneratorExit"),
        ("raise MemoryError", "ran out of memory"),
        ("torch.empty(10**15)", "ran out of memory"),
        ("recurse()", "raised RecursionError"),
        ("raise StopIteration", "raised StopIteration"),
        ("raise BaseException('odd')", "raised BaseException: odd"),
        ("raise BrokenText", "raised BrokenText: (its text cannot be had)"),
        ("raise ValueError('two\\nlines')", "raised ValueError: two lines"),
        ("warnings.simplefilter('error'); warnings.warn('careful')", "raised UserWarning: careful"),
        ("os.chdir('/'); raise OSError('away')", "raised OSError: away"),
        ("os.fork() or sys.exit(0); raise ValueError('parent')", "ValueError: parent"),
    ],
)  # fmt: skip
def test_a_failing_score(gdbench, monkeypatch, spec, undisturbed, fault, words):
    assert words in fails_and_heals(gdbench, monkeypatch, f"{spec}:One", fault, undisturbed)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("scores = Scores('another', matrix, errors)", "scored 'another', which it was not asked"),
        ("scores = Scores(7, matrix, errors)", "scored '7', which it was not asked"),
        ("scores = 'nothing'", "left out"),
        ("scores = None", "the model gave NoneType, expected gdbench.Scores"),
        ("scores = (item.id, matrix)", "the model gave tuple"),
        ("scores = {'item_id': item.id}", "the model gave dict"),
        ("scores = Scores(item.id, matrix[:, :1], errors)", "scores of shape (2, 1)"),
        ("errors[0, 0, 0] = np.nan", "errors have NaN"),
        ("errors[0, 0, 2] = -1", "errors have a value that is no error"),
        ("errors[0, 0, 2] = np.inf", "errors have a value that is no error"),
        ("scores = Scores(item.id, matrix, errors[..., :2])", "errors of shape (2, 2, 2)"),
        ("scores = Scores(item.id, matrix, errors, errors[0, :, :1])", "unconditional_errors of"),
        ("scores = Scores(item.id, matrix, errors, None, 99)", "truncated_texts is 99"),
        ("raise SystemExit", "raised SystemExit"),
        ("raise RuntimeError('CUBLAS_STATUS_ALLOC_FAILED')", "ran out of memory"),
    ],
)  # fmt: skip
def test_a_failing_score_items(gdbench, monkeypatch, spec, undisturbed, fault, words):
    assert words in fails_and_heals(gdbench, monkeypatch, f"{spec}:Many", fault, undisturbed)


def test_an_interrupt_of_the_model_is_one_of_the_user(gdbench, monkeypatch, spec, undisturbed):
    line = fails_and_heals(
        gdbench, monkeypatch, f"{spec}:One", "raise KeyboardInterrupt", undisturbed, code=130
    )
    assert "interrupted; start the same command again" in line


@pytest.mark.parametrize("model", ["One", "Many"])
@pytest.mark.parametrize(
    "fault",
    [
        "time.sleep(600)",
        "lock = threading.Lock(); lock.acquire(); lock.acquire()",
        "while True: pass",
        "subprocess.run(['sleep', '600'])",
    ],
)
def test_a_model_that_hangs(gdbench, monkeypatch, spec, undisturbed, fault, model):
    line = fails_and_heals(
        gdbench, monkeypatch, f"{spec}:{model}", fault, undisturbed, "--item-timeout", 1.5
    )
    assert line.startswith("gdbench: item ")
    assert "no answer in 1.5 seconds (--item-timeout)" in line


@pytest.mark.parametrize("model", ["One", "Many"])
@pytest.mark.parametrize(
    "fault",
    [
        "os.chdir('/')",
        "np.seterr(all='raise'); warnings.simplefilter('error')",
        "torch.set_default_dtype(torch.float64); torch.set_grad_enabled(False)",
        "random.seed(0); np.random.seed(0); torch.manual_seed(0)",
        "threading.Thread(target=lambda: 1 / 0).start()",
        "print('scores'); os.write(1, b'more\\n'); subprocess.run(['echo', 'most'])",
        "os.fork() and os.wait()",
        "os.fork() or sys.exit(1)",
        "os.fork() or 1 / 0",
        "signal.signal(signal.SIGALRM, signal.SIG_IGN)",
    ],
)
def test_what_changes_no_score(gdbench, monkeypatch, spec, undisturbed, fault, model):
    well = undisturbed(model, gdbench)
    folder = Path.cwd()
    monkeypatch.setenv(FAULT, fault)
    result = gdbench(*COMMAND, "--model", f"{spec}:{model}", "--out", "run", "--json")
    assert result.code == 0, result.err
    (found,) = [ResultRecord.model_validate(r) for r in json.loads(result.out)]
    assert Path.cwd() == folder
    assert record() == well
    assert found.score == well["score"]


@pytest.mark.parametrize(
    "fault",
    [
        "object.__setattr__(item, 'gold', (1, 0)); object.__setattr__(item, 'texts', ())",
        "model.card = ModelCard(name='better')",
        "errors.setflags(write=True); model.last = getattr(model, 'last', []) + [errors]; "
        "[e.fill(0) for e in model.last[:-1]]",
        "scores = Scores(item.id, torch.tensor(matrix, requires_grad=True), "
        "torch.tensor(errors).double())",
    ],
)
def test_what_a_model_does_to_its_own_things(gdbench, monkeypatch, spec, undisturbed, fault):
    well = undisturbed("Many", gdbench)
    monkeypatch.setenv(FAULT, fault)
    assert gdbench(*COMMAND, "--model", f"{spec}:Many", "--out", "run").code == 0
    assert record() == well


def test_a_count_that_cannot_be_true_is_that_of_the_log(gdbench, monkeypatch, spec, undisturbed):
    well = undisturbed("Many", gdbench)
    monkeypatch.setenv(FAULT, "lie")
    assert gdbench(*COMMAND, "--model", f"{spec}:Many", "--out", "run").code == 0
    assert record() == well


def in_a_process(spec, out, fault, *options):
    return subprocess.run(
        [
            sys.executable, "-c", "from gdbench.cli import main; main()", *map(str, COMMAND),
            "--model", spec, "--out", str(out), *map(str, options),
        ],
        env=os.environ | {FAULT: fault}, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("fault", "options", "code", "words"),
    [
        # blocked: no alarm reaches it, as in C code that does not return
        ("signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM]); time.sleep(600)",
         ("--item-timeout", 1), 2, "no answer in 1 seconds"),
        ("time.sleep(7); os._exit(3)", (), 3, ""),
    ],
)  # fmt: skip
def test_a_model_that_ends_the_process(
    gdbench, spec, undisturbed, tmp_path, fault, options, code, words
):
    well = undisturbed("One", gdbench)
    ended = in_a_process(f"{spec}:One", tmp_path / "run", fault, *options)
    assert ended.returncode == code, ended.stderr
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr
    healed = gdbench(*COMMAND, "--model", f"{spec}:One", "--out", "run")
    assert healed.code == 0
    assert record() == well


def test_only_json_is_on_standard_output(spec, tmp_path):
    fault = (
        "print('scores'); os.write(1, b'more\\n'); subprocess.run(['echo', 'most']); "
        "ctypes.CDLL(None).puts(b'in C'); sys.__stdout__.write('held')"
    )
    done = in_a_process(f"{spec}:One", tmp_path / "run", fault, "--json")
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)) == 1
    for word in ("scores", "more", "most", "in C", "held"):
        assert word in done.stderr


@pytest.mark.parametrize(
    "fault",
    [
        "sys.stderr.close()",
        "sys.stdout.close()",
        "sys.stderr and sys.stderr.buffer.close(); sys.stderr = None",
        "sys.stdout = sys.stderr = None",
        "self.count == FROM and os.close(2)",
    ],
)
@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_model_that_closes_the_standard_streams(
    gdbench, spec, undisturbed, tmp_path, fault, options
):
    well = undisturbed("One", gdbench)
    done = in_a_process(f"{spec}:One", tmp_path / "run", fault.replace("self", "model"), *options)
    assert done.returncode == 0, done.stderr
    assert record(tmp_path / "run") == well
    assert ("Records and scores" in done.stderr) is not bool(options)
    assert done.stdout


PRODUCTS = """\
import math
import numpy as np
from gdbench import ModelCard
from mine import number

class Products:
    card = ModelCard(name="products")
    def __init__(self, exponent: int):
        self.factor = 2.0 ** exponent
    def score(self, images, texts):
        return self.factor * np.array([[number(i.tobytes(), t) for t in texts] for i in images])
"""


def test_products_of_probabilities_get_the_credit_of_their_order(
    gdbench, spec, tmp_path, monkeypatch
):
    (tmp_path / "products.py").write_text(PRODUCTS)
    monkeypatch.syspath_prepend(Path(spec).parent)
    found = {}
    for exponent in (0, -200, 150):
        result = gdbench(
            *COMMAND, "--model", f"{tmp_path / 'products.py'}:Products", "--json",
            "--out", f"run{exponent}", "--model-args", f"exponent={exponent}",
        )  # fmt: skip
        assert result.code == 0, result.err
        found[exponent] = json.loads(result.out)[0]
        assert ("kept and compared in float64" in result.err) == (exponent != 0)
        opened = gdbench("submit", f"run{exponent}", "--to", f"to{exponent}", "--json")
        assert opened.code == 0, opened.err + opened.out
        again = gdbench("verify", f"to{exponent}", "--json")
        assert again.code == 0, again.err + again.out
    assert found[0]["metrics"] == found[-200]["metrics"] == found[150]["metrics"]
    assert not any(m["ties"] for m in found[0]["metrics"])


@pytest.mark.parametrize("model", ["mini-sd", "mini-clip"])
def test_a_batch_size_that_no_memory_holds(gdbench, model):
    options = ("--samples", 2) if model == "mini-sd" else ()
    command = ("evaluate", "--suite", "mini", "--tasks", "winoground", "--limit", 1, *options)
    result = gdbench(
        *command, "--model", model, "--batch-size", 999_999_999, "--json", "--out", "run"
    )
    assert result.code == 0, result.err
    assert "--batch-size 999999999 is more than fits or helps, going on with " in result.err
    usual = gdbench(*command, "--model", model, "--json", "--out", "usual")
    metrics = [json.loads(r.out)[0]["metrics"] for r in (result, usual)]
    assert [m["value"] for m in metrics[0]] == [m["value"] for m in metrics[1]]
