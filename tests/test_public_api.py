import subprocess
import sys

import gdbench


def test_all_names_are_there_and_listed():
    for name in gdbench.__all__:
        assert getattr(gdbench, name) is not None
    assert sorted(gdbench._WHERE) == sorted(gdbench.__all__)


def test_import_does_not_load_heavy_libraries():
    code = (
        "import sys, gdbench.cli; "
        "print([m for m in ('torch', 'diffusers', 'open_clip', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
