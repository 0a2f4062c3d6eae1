from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import data_trees

from gdbench.data.pets import PET_CLASSES


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """All eight tasks, a few items each, in the 2023 layout."""
    return data_trees.everything(tmp_path / "data", list(PET_CLASSES))
