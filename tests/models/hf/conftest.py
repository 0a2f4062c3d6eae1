from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers.utils import logging

from tests.models.hf.tiny import ALL, save


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def folder_of(tmp_path_factory) -> Callable[[str], Path]:
    logging.disable_progress_bar()
    made: dict[str, Path] = {}

    def folder(name: str) -> Path:
        if name not in made:
            made[name] = save(ALL[name], tmp_path_factory.mktemp("hf") / f"tiny-{name}")
        return made[name]

    return folder
