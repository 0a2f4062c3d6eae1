import subprocess
import sys
from pathlib import Path

import gdbench


def test_all_names_are_there_and_listed():
    for name in gdbench.__all__:
        assert getattr(gdbench, name) is not None
    assert sorted(gdbench._WHERE) == sorted(gdbench.__all__)


def test_import_does_not_load_heavy_libraries():
    code = (
        "import sys, gdbench.cli; heavy = ('torch', 'diffusers', 'open_clip', 'pandas', 'pyarrow', "
        "'scipy', 'gdbench.tasks'); print([m for m in heavy if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_what_a_user_writes_is_typed():
    """Both ways: right calls pass, and a wrong call that is taken is an unused `type: ignore`."""
    root = Path(__file__).parent.parent
    words = ["-m", "mypy", "--strict", "tests/typing/public_api.py"]
    done = subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, cwd=root, check=False
    )
    assert done.returncode == 0, done.stdout
