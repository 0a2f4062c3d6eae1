"""The pages' Python, their quoted errors, their links, and the notebook."""

import importlib.util
import json
import re
import sys
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"


def script(name):
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def python_of(page):
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def test_the_notebook_runs_and_says_what_it_shows():
    """Run as it stands; what it says in words does not change (times and places are not shown)."""
    make = script("make_notebook")
    kept = json.loads((DOCS / "quickstart.ipynb").read_text(encoding="utf-8"))
    new = make.executed()

    # one cell's printed lines come in as many pieces as the kernel happened to send
    def words(notebook):
        found = []
        for cell in notebook["cells"]:
            outputs = cell["outputs"] if cell["cell_type"] == "code" else []
            found.append("".join("".join(o["text"]) for o in outputs if "text" in o))
            found += [
                "".join(o["data"]["text/plain"])
                for o in outputs
                if "image/png" not in o.get("data", {"image/png": ""})
            ]
        return found

    # scores round differently on another processor, and shares of a few items with them
    def rough(texts):
        return [re.sub(r"-?\d+(\.\d+|%)", "#", text) for text in texts]

    assert rough(words(new)) == rough(words(kept))
    assert "/" not in "".join(words(kept)).replace("95 %", "")
    assert sum(
        "image/png" in o.get("data", {}) for c in kept["cells"] for o in c.get("outputs", ())
    )


def test_a_model_in_memory_runs(tmp_path, monkeypatch):
    monkeypatch.setenv("GDBENCH_CACHE", str(tmp_path))
    (block,) = [b for b in python_of("howto-new-model.md") if "gdbench.evaluate" in b]
    names: dict[str, object] = {}
    exec(block, names)  # noqa: S102 # it is our own page
    assert names["results"].task_scores["clevr"].value == pytest.approx(0.5)


def test_the_task_of_the_page_is_one(tmp_path, monkeypatch):
    from gdbench.tasks.base import manifest_sha256

    (block,) = [b for b in python_of("howto-new-task.md") if "TASK = Task(" in b]
    (tmp_path / "my_tasks.py").write_text(block)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "animals").mkdir()
    for name in ("cat.png", "dog.png"):
        Image.new("RGB", (8, 8)).save(tmp_path / "animals" / name)
    from my_tasks import TASK

    items = list(TASK.items("full", tmp_path))
    assert [item.texts[0] for item in items] == ["a cat", "a dog"]
    assert TASK.n_expected("full") == len(items)
    assert len(manifest_sha256(items)) == 64
    sys.modules.pop("my_tasks")


def test_quoted_errors_are_what_the_program_prints():
    """Each piece of a heading in code, between the places that vary, stands in the source."""
    page = (DOCS / "faq.md").read_text(encoding="utf-8")
    headings = re.findall(r"^### `(.+)`$", page, re.MULTILINE)
    assert len(headings) > 8
    source = "\n".join(p.read_text(encoding="utf-8") for p in (ROOT / "gdbench").rglob("*.py"))
    # texts are written in pieces, one a line, and values stand between braces
    joined = re.sub(r'"\s*\n\s*f?"', "", source)
    plain = re.sub(r"\{[^{}]*\}", "…", joined).replace("problem…", "problems")
    for heading in headings:
        pieces = [piece.strip() for piece in heading.split("…")]
        assert all(piece in plain for piece in pieces), heading


def test_links_of_pages_outside_lead_somewhere():
    for page in (ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", ROOT / "CHANGELOG.md"):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_check_of_the_site_finds_faults(tmp_path):
    check = script("check_site")
    (tmp_path / "a.html").write_text(
        '<h1 id="top">A</h1><a href="b.html#here">b</a><a href="b.html#gone">c</a>'
        '<a href="c.html">d</a><script src="https://example.org/x.js"></script>'
        '<a href="https://example.org">out</a><img src="data:image/png;base64,AA">'
    )
    (tmp_path / "b.html").write_text('<p id="here"><a href="a.html#top">a</a></p>')
    assert check.faults(tmp_path) == [
        "a.html: loads https://example.org/x.js",
        "a.html: b.html#gone has no such anchor",
        "a.html: c.html leads nowhere",
    ]
    assert check.faults(tmp_path / "nothing") == [f"{tmp_path / 'nothing'}: no page"]
