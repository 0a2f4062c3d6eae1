"""Every attack is stopped, and the docs tell of every one."""

import re
import shutil
from pathlib import Path

import pytest

from tests.submissions.attacks.cases import CASES, Ground

DOCS = Path(__file__).parents[3] / "docs/threat-model.md"


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_the_attack_is_stopped(case, pristine, tmp_path):
    proposed = shutil.copytree(pristine, tmp_path / "proposed")
    case.run(Ground(pristine, proposed, tmp_path))


def test_no_two_cases_have_one_name():
    assert len({c.name for c in CASES}) == len(CASES)


def test_the_table_of_the_docs_has_every_case():
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \| [\d.]+ \|$", DOCS.read_text(), re.MULTILINE)
    assert rows == [(c.name, c.caught_by) for c in CASES]
