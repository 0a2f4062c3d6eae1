"""The workflows: what they may, that a pull request cannot change them, and that they work.

Their shell steps are executed on a made pull request, and the comment's script is run by Node
against an interface that records what is posted.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".github/workflows"
WORKFLOWS = sorted(FOLDER.glob("*.yml"))
JUDGE = yaml.safe_load((FOLDER / "submissions.yml").read_text())
TRIGGERS = "on" if "on" in JUDGE else True  # YAML 1.1 reads the word as a boolean


def steps(path):
    return [s for job in yaml.safe_load(path.read_text())["jobs"].values() for s in job["steps"]]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda p: p.stem)
def test_rights_are_stated_and_small(path):
    data = yaml.safe_load(path.read_text())
    rights = [data["permissions"], *(j.get("permissions", {}) for j in data["jobs"].values())]
    writes = {k for r in rights for k, v in r.items() if v == "write"}
    assert writes == ({"pull-requests"} if path.stem == "submissions" else set())
    for step in steps(path):
        if "checkout" in step.get("uses", ""):
            assert step["with"]["persist-credentials"] is False
        # what a stranger can type never becomes part of a script
        script = step.get("run", "") + str(step.get("with", {}).get("script", ""))
        assert "${{" not in script


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda p: p.stem)
def test_actions_are_pinned_by_commit(path):
    for line in path.read_text().splitlines():
        if "uses:" in line:
            assert re.search(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line), line


def test_the_judge_comes_from_the_target_branch():
    """`pull_request` would run the pull request's own copy of the workflow."""
    assert set(JUDGE[TRIGGERS]) == {"pull_request_target"}
    base, proposed = (s["with"] for s in JUDGE["jobs"]["verify"]["steps"][:2])
    assert (base["ref"], base["path"]) == ("${{ github.sha }}", "base")
    assert proposed["path"] == "proposed"
    assert proposed["sparse-checkout"] == "submissions"
    runs = " ".join(s.get("run", "") for s in JUDGE["jobs"]["verify"]["steps"])
    assert "./proposed" not in runs
    assert "cd " not in runs


def test_who_may_write_sees_no_files_of_the_pull_request():
    job = JUDGE["jobs"]["comment"]
    assert job["permissions"] == {"pull-requests": "write"}
    uses = [s.get("uses", "").split("@")[0] for s in job["steps"]]
    assert uses == ["actions/download-artifact", "actions/github-script"]
    assert not any("run" in s for s in job["steps"])


def test_owners_of_the_logs_are_named():
    text = (ROOT / ".github/CODEOWNERS").read_text()
    for path in ("/submissions/AUDITED.toml", "/submissions/INVALIDATED.toml", "/.github/"):
        assert re.search(rf"^{re.escape(path)}\s+@\S+", text, re.MULTILINE)


@pytest.fixture
def pull_request(pristine, tmp_path):
    """The two folders that the checkout steps make, and programs by their names."""
    shutil.copytree(pristine, tmp_path / "base/submissions")
    shutil.copytree(pristine, tmp_path / "proposed/submissions")
    # the judge installs itself from `base`: here it is this code
    programs = tmp_path / "bin"
    programs.mkdir()
    gdbench = programs / "gdbench"
    gdbench.write_text(f'#!/bin/sh\nexec {sys.executable} -m gdbench "$@"\n')
    python = programs / "python"
    python.write_text('#!/bin/sh\necho "$@" >> installed\n')
    for program in (gdbench, python):
        program.chmod(0o755)
    return tmp_path


def execute(pull_request):
    """Run the shell steps as a runner does: `bash -e`, and after a failure only `if: always()`."""
    failed = []
    environment = os.environ | {
        "PATH": f"{pull_request / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "GITHUB_STEP_SUMMARY": str(pull_request / "summary.md"),
    }
    for step in JUDGE["jobs"]["verify"]["steps"]:
        if "run" not in step or (failed and step.get("if") != "always()"):
            continue
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", step["run"]], cwd=pull_request, check=False,
            env=environment, capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode:
            failed.append(step["name"])
    return failed


def comment(pull_request):
    """What the script of the second job posts."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node is not installed")
    script = JUDGE["jobs"]["comment"]["steps"][1]["with"]["script"]
    (pull_request / "post.js").write_text(
        "const posted = [];\n"
        "const github = { paginate: async () => [], rest: { issues: {\n"
        "  createComment: async (c) => posted.push(c),\n"
        "  updateComment: async (c) => posted.push(c),\n"
        "} } };\n"
        "const context = { repo: { owner: 'o', repo: 'r' },\n"
        "  payload: { pull_request: { number: 7 } } };\n"
        f"(async () => {{ {script}\n }})().then(() => console.log(JSON.stringify(posted)));\n"
    )
    done = subprocess.run(
        [node, "post.js"], cwd=pull_request, check=True, capture_output=True, text=True
    )
    (found,) = json.loads(done.stdout)
    assert found["issue_number"] == 7
    return found["body"]


def test_an_honest_pull_request(pull_request):
    landed = pull_request / "base/submissions/hashing"
    shutil.rmtree(landed)
    assert execute(pull_request) == []
    assert (pull_request / "installed").read_text() == "-m pip install --quiet ./base\n"
    body = comment(pull_request)
    assert "every number follows from its scores" in body
    assert "| `hashing/1/winoground` | `partial` | 30 |" in body
    assert "denoising" not in body
    assert "run again: `hashing/1/winoground`" in body
    assert "**`hashing@1`** against **`denoising@2`**" in (pull_request / "summary.md").read_text()


def test_a_pull_request_that_touches_others(pull_request):
    proposed = pull_request / "proposed"
    shutil.rmtree(proposed / "submissions/hashing/1/bias")
    (proposed / "submissions/AUDITED.toml").write_text("")
    # a judge of its own, which nobody runs
    (proposed / ".github/workflows").mkdir(parents=True)
    (proposed / ".github/workflows/submissions.yml").write_text("jobs: {}\n")
    (proposed / "gdbench.py").write_text("raise SystemExit(0)\n")
    assert execute(pull_request) == [
        "Recompute every number, and see that nothing that was there is touched"
    ]
    body = comment(pull_request)
    assert "not accepted" in body
    assert "`hashing/1/bias/record.json` `deleted` (**maintainers only**)" in body
    assert "`AUDITED.toml` `added` (**maintainers only**)" in body


def test_strangers_texts_have_no_meaning_in_the_comment(pull_request):
    (pull_request / "answer").mkdir()
    hostile = "x` @everyone\n# owned | <img src=x>"
    answer = {"ok": "true", "touched": [{"path": hostile, "change": "added", "allowed": "yes"}],
              "problems": [{"path": hostile, "check": hostile, "problem": hostile}]}  # fmt: skip
    (pull_request / "answer/verify.json").write_text(json.dumps(answer))
    body = comment(pull_request)
    assert "not accepted" in body
    for line in body.splitlines():
        outside = "".join(line.split("`")[::2])
        assert "@everyone" not in outside
        assert "<img" not in outside
        assert not line.startswith("# owned")


def test_there_is_a_template_for_pull_requests():
    text = (ROOT / ".github/PULL_REQUEST_TEMPLATE.md").read_text()
    assert "gdbench submit" in text
    assert "gdbench verify" in text
