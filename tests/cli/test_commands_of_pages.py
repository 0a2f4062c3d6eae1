"""Every command of README and docs: its verb and options exist, and it is run where it can be.

What is not run is listed with its reason. Nothing is left out in silence: a command that is neither
run nor listed fails, and so does a reason that no command has.
"""

import json
import re
import shlex
from pathlib import Path

import pytest
import typer
from huggingface_hub import constants
from PIL import Image

from gdbench.cli import app

ROOT = Path(__file__).parents[2]
PAGES = (
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "examples").rglob("*.md")),
)
NOT_RUN = {
    r" --root | data (check|fetch|pin)(?! --data)": "needs the published data",
    r"sd2\.1|runs/sd2|hf:|clip:|OWNER/NAME|inspect (google|Qwen)": "needs weights of the hub",
    r"\b(RUN|FOLDER|PATH|MODEL|REVISION|TASK|ID|DIR|OLD|VERB)\b|…|ANOTHER_RUN": (
        "has a word that stands for the reader's own"
    ),
    r"^gdbench finetune": "takes minutes; tests/finetune",
    r"lora convert runs|--lora runs": "needs what a finetuning wrote; tests/finetune",
    r"example-model": "needs the example's package; tests/models/test_example_package.py",
    r"my_package|mine\.py:Model|submissions/mine": "has a name that stands for the reader's own",
    r"leaderboard (build$|build --(check|manifests|address)|serve)": "tests/leaderboard",
    r"(verify|refresh) submissions": "tests/submissions",
    r"^gdbench reproduce": "takes days, or minutes; tests/cli/test_reproduce.py",
    r"^gdbench audit": "takes minutes; tests/submissions/test_audit.py",
}
RUN_PAGES = (
    "README.md",
    "docs/tutorial.md",
    "docs/howto-new-model.md",
    "docs/howto-gated.md",
    "docs/interchange.md",
    "docs/own-data.md",
)
OWN_DATA = ROOT / "docs/own-data.md"
BEFORE = {"docs/interchange.md": "gdbench evaluate --model mini-clip --suite mini --out runs/clip"}
"""What a page takes for granted."""
_FENCED = re.compile(r"^ *```(?:sh|bash|console)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?:^(?: {4,}).*\n)+", re.MULTILINE)
_INLINE = re.compile(r"`(gdbench [a-z][^`]*)`")


def text_of(page):
    return page.read_text(encoding="utf-8")


def commands(page):
    """Commands of gdbench in the blocks of a page, in order."""
    text = text_of(page)
    blocks = "\n".join(_FENCED.findall(text) + _INDENTED.findall(_FENCED.sub("\n", text)))
    found = []
    for line in blocks.replace("\\\n", " ").splitlines():
        # words after a wide gap, or after a #, tell what the command does
        command = re.split(r"\s{3,}|\s#", line.strip())[0]
        if re.match(r"gdbench (-[qv] )?[a-z-]+( |$)", command) and "gdbench itself" not in command:
            found.append(" ".join(command.split()))
    return found


def mentioned(page):
    """Commands in the middle of a sentence."""
    return [" ".join(text.split()) for text in _INLINE.findall(text_of(page))]


ALL = [(page, command) for page in PAGES for command in commands(page)]


def why_not(command):
    return next((why for pattern, why in NOT_RUN.items() if re.search(pattern, command)), "")


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_verbs_and_options_exist(page):
    known = typer.main.get_command(app)
    for command in (*commands(page), *mentioned(page)):
        words = shlex.split(command.replace("…", " "))[1:]
        while words and words[0] in {"-q", "-v"}:
            words.pop(0)
        if not words or words[0].startswith("-") or words[0].isupper():
            continue
        # `data status|fetch` names several
        assert words[0] in known.commands, command
        verb = known.commands[words.pop(0)]
        while hasattr(verb, "commands") and words and words[0].partition("|")[0] in verb.commands:
            verb = verb.commands[words.pop(0).partition("|")[0]]
        options = {o for p in verb.params for o in (*p.opts, *p.secondary_opts)} | {"--help"}
        given = {w.partition("=")[0].rstrip(",.;") for w in words if w.startswith("--")}
        assert given <= options, command


def test_every_command_is_run_or_has_a_reason():
    pages = {ROOT / name for name in RUN_PAGES}
    run = {command for page in pages for command in commands(page) if not why_not(command)}
    left = sorted({c for _, c in ALL if not why_not(c)} - run)
    assert not left
    unused = [p for p in NOT_RUN if not any(re.search(p, c) for _, c in ALL)]
    assert not unused


def test_scripts_and_modules_of_the_pages_are_there():
    """Measurements and training take minutes to days: that they exist is what is tested here."""
    programs = set()
    for page in PAGES:
        programs |= set(re.findall(r"\bpython -m ([a-z_.]+)", text_of(page)))
        programs |= set(re.findall(r"\bpython ([a-z_/]+\.py)", text_of(page)))
    assert len(programs) > 10
    for name in programs:
        path = name if name.endswith(".py") else name.replace(".", "/")
        there = [ROOT / path, ROOT / f"{path}.py", ROOT / path / "__main__.py"]
        assert any(p.is_file() for p in there), name


@pytest.fixture
def reader(gdbench, tmp_path, monkeypatch):
    """A folder with what the pages let the reader write."""
    monkeypatch.setenv("GDBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    result = {"model": "m", "task": "t", "metrics": {"acc": 0.1, "acc1": 0.8}}
    for name in ("winoground", "pets"):
        (tmp_path / f"{name}.json").write_text(json.dumps(result | {"dataset": name}))
    (tmp_path / "pictures").mkdir()
    colours = ("red", "green", "blue", "black", "white", "orange")
    for name in colours:
        Image.new("RGB", (16, 16), name).save(tmp_path / f"pictures/{name}.png")
    rows = "".join(f"{name}.png,a {name} square\n" for name in colours)
    (tmp_path / "pictures/captions.csv").write_text(f"file,caption\n{rows}")
    (plan,) = re.findall(r"^```yaml\n(.*?)^```", text_of(OWN_DATA), re.MULTILINE | re.DOTALL)
    (tmp_path / "plan.yaml").write_text(plan)
    for name in ("a.png", "b.png"):
        Image.new("RGB", (32, 32), (200, 30, 30)).save(tmp_path / name)
    return gdbench


@pytest.mark.parametrize("name", RUN_PAGES)
def test_commands_run_in_their_order(reader, name, tmp_path):
    python = re.findall(r"^```python\n(.*?)^```", text_of(ROOT / name), re.MULTILINE | re.DOTALL)
    for block in python:
        file = re.match(r"# (\w+\.py)\n", block)
        # a block that evaluates by itself is a program, and run in tests/test_pages.py
        # of a task's file the name is that of the command
        if (file or "def score" in block) and "gdbench.evaluate(" not in block:
            (tmp_path / (file[1] if file else "mine.py")).write_text(block)
    before = [BEFORE[name]] if name in BEFORE else []
    for command in (*before, *(c for c in commands(ROOT / name) if not why_not(c))):
        words = shlex.split(command)[1:]
        if words[0] == "evaluate":
            words += ["--limit", "2"]
            words += ["--samples", "2"] if "--samples" in words else []
            words += [] if {"--tasks", "--data"} & {*words} else ["--tasks", "clevr,bias"]
        answer = reader(*words)
        assert answer.code == 0, (command, answer.err)
