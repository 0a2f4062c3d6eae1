from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "data")]

from web_stand_in import StandIn  # noqa: E402 # found by the line above

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def site() -> Iterator[StandIn]:
    stand_in = StandIn()
    stand_in.url = stand_in.start()
    yield stand_in
    stand_in.stop()


@pytest.fixture
def gdbench(site: StandIn, tmp_path: Path) -> Run:
    """The real command in a process of its own, with the stand-in as its hub."""
    environment = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("HF_", "HUGGING", "GDBENCH", "TRANSFORMERS_"))
    } | {
        "HF_ENDPOINT": site.url,
        "HF_HOME": str(tmp_path / "hf"),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_ETAG_TIMEOUT": "5",
        "HF_HUB_DOWNLOAD_TIMEOUT": "5",
        "OMP_NUM_THREADS": "1",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }

    def run(*arguments: str, token: str = "") -> subprocess.CompletedProcess[str]:
        extra = {"HF_TOKEN": token} if token else {}
        program = [sys.executable, "-c", "from gdbench.cli import main; main()", *arguments]
        return subprocess.run(
            program, capture_output=True, text=True, env=environment | extra, check=False
        )

    return run
