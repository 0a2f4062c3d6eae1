"""Pages that are made from records are up to date."""

import importlib.util
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_results_of_the_bundled_models_are_those_of_the_submissions():
    spec = importlib.util.spec_from_file_location("make_results", ROOT / "docs/make_results.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    page = (ROOT / "docs/mini-results.md").read_text(encoding="utf-8")
    assert module.render(ROOT / "submissions") == page
    assert "mini-sd" in page


def test_links_between_pages_lead_somewhere():
    import re

    hooks = (ROOT / "docs/site_hooks.py").read_text(encoding="utf-8")
    # pages that only the built site has
    generated = set(re.findall(r'File\.generated\(config, "([^"]+)"', hooks))
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            exists = target in generated or (page.parent / target).exists()
            assert exists, f"{page.name}: {target}"


def blocks(page, language):
    import re

    fenced = re.compile(rf"^```{language}\n(.*?)^```", re.MULTILINE | re.DOTALL)
    return fenced.findall(page.read_text(encoding="utf-8"))


def test_the_python_of_the_pages_runs(tmp_path, monkeypatch):
    """As it stands, but for the number of items."""
    monkeypatch.setenv("GDBENCH_CACHE", str(tmp_path))
    (short,) = [b for b in blocks(ROOT / "README.md", "python") if "gdbench.evaluate" in b]
    (long,) = [b for b in blocks(ROOT / "docs/evaluating.md", "python") if "gdbench.evaluate" in b]
    exec(short.replace("samples=10", "samples=2, limit=2"), {})  # noqa: S102 # it is our own page
    exec(long.replace("samples=10, limit=20", "samples=2, limit=2"), {})  # noqa: S102 # as above
