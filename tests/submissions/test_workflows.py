"""The workflows run what exists, and the one that can write runs nothing of a pull request."""

from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


def steps(path):
    return [s for job in yaml.safe_load(path.read_text())["jobs"].values() for s in job["steps"]]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda p: p.stem)
def test_rights_are_stated_and_small(path):
    rights = yaml.safe_load(path.read_text())["permissions"]
    writes = {k for k, v in rights.items() if v == "write"}
    assert writes == ({"pull-requests"} if path.stem == "submissions-comment" else set())
    for step in steps(path):
        if "checkout" in step.get("uses", ""):
            assert step["with"]["persist-credentials"] is False
        # what a stranger can type never becomes part of a script
        assert "github.event" not in step.get("run", "")


def test_the_judge_comes_from_the_target_branch():
    path = ROOT / ".github/workflows/submissions.yml"
    runs = " ".join(s.get("run", "") for s in steps(path))
    assert "pip install --quiet ./base" in runs
    assert "gdbench verify proposed/submissions" in runs
    assert "./proposed" not in runs


def test_the_commenting_workflow_checks_nothing_out():
    path = ROOT / ".github/workflows/submissions-comment.yml"
    assert not any("checkout" in s.get("uses", "") or "run" in s for s in steps(path))


def test_there_is_a_template_for_pull_requests():
    text = (ROOT / ".github/PULL_REQUEST_TEMPLATE.md").read_text()
    assert "gdbench submit" in text
    assert "gdbench verify" in text
