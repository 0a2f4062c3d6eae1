"""The scripts of `benchmarks/` run against this package: each is imported and prints its help."""

from importlib import import_module
from pathlib import Path

import pytest

NAMES = sorted(path.stem for path in Path("benchmarks").glob("*.py"))


@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_imports_and_says_how_it_is_run(name, monkeypatch, capsys):
    module = import_module(f"benchmarks.{name}")
    if not hasattr(module, "main"):
        # a part of others
        return
    assert f"python -m benchmarks.{name}" in module.__doc__
    if not hasattr(module, "argparse"):
        # it takes no arguments
        return
    monkeypatch.setattr("sys.argv", [name, "--help"])
    with pytest.raises(SystemExit) as ended:
        module.main()
    assert ended.value.code == 0
    assert "usage:" in capsys.readouterr().out
