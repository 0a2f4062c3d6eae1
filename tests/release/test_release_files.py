"""Files of a release: constraints, licences, citation, Dockerfile, and extras that are real."""

import importlib.util
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def pinned():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines if not line.startswith("#"))


def test_every_dependency_is_pinned_at_a_version_that_is_allowed():
    versions = pinned()
    for text in PROJECT["dependencies"]:
        requirement = Requirement(text)
        version = versions[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), text


def test_the_lists_name_what_the_packages_need_here():
    """By name: the versions of a newer environment are no fault of the lists."""
    spec = importlib.util.spec_from_file_location(
        "make_dependencies", ROOT / "docs/make_dependencies.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    page = (ROOT / "docs/licences.md").read_text()
    rows = re.findall(r"^\| ([\w.-]+) \| (\d[\w.]*) \| (.+) \|$", page, re.MULTILINE)
    assert {name: version for name, version, _ in rows} == pinned()
    direct = {canonicalize_name(Requirement(text).name) for text in PROJECT["dependencies"]}
    assert direct <= set(module.closure("gdbench")) | {"gdbench"}


def test_the_table_of_the_oldest_libraries_is_the_projects():
    page = (ROOT / "docs/versions.md").read_text()
    _, _, table = page.partition("## The oldest libraries")
    rows = re.findall(r"^\| ([\w.-]+) \| (\d[\w.]*) \| .+ \| (.+) \|$", table, re.MULTILINE)
    assert all(why for _, _, why in rows)
    required = [Requirement(text) for text in PROJECT["dependencies"]]
    assert [f"{name}>={lowest}" for name, lowest, _ in rows] == [str(r) for r in required]


def test_every_extra_is_used():
    """Each package of an extra for users is imported, or named where it is needed."""
    code = "\n".join(p.read_text(encoding="utf-8") for p in (ROOT / "gdbench").rglob("*.py"))
    for extra, texts in PROJECT["optional-dependencies"].items():
        if extra in {"dev", "docs"}:
            continue
        imported = [re.search(rf"(import |\.){Requirement(t).name}\b", code) for t in texts]
        assert any(imported) or f"gdbench[{extra}]" in code, extra


def test_the_citation_is_the_readmes():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert (cited["cff-version"], cited["version"]) == ("1.2.0", PROJECT["version"])
    paper = cited["preferred-citation"]
    readme = (ROOT / "README.md").read_text()
    names = " and ".join(f"{a['family-names']}, {a['given-names']}" for a in paper["authors"])
    assert f"author    = {{{names}}}" in readme
    assert f"title     = {{{paper['title']}}}" in readme


def test_the_changelog_has_the_version():
    text = (ROOT / "CHANGELOG.md").read_text()
    assert f"## {PROJECT['version']}" in text


@pytest.mark.skipif(sys.platform != "linux", reason="the linter's wheel is for Linux")
def test_the_dockerfile_is_linted():
    hadolint = Path(sys.executable).parent / "hadolint"
    assert hadolint.exists() or shutil.which("hadolint")
    done = subprocess.run(
        [shutil.which("hadolint") or hadolint, "--no-color", ROOT / "Dockerfile"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "")


def test_what_the_dockerfile_copies_is_there_and_not_ignored():
    text = (ROOT / "Dockerfile").read_text()
    kept = (ROOT / ".dockerignore").read_text().splitlines()
    for names in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE):
        for name in names.split():
            assert (ROOT / name).exists()
            assert f"!{name}" in kept
