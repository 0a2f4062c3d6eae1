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

    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
