"""Execute `docs/quickstart.ipynb` and keep what it shows: `python docs/make_notebook.py`."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parent / "quickstart.ipynb"


def executed(path: Path = NOTEBOOK) -> nbformat.NotebookNode:
    """The notebook with its outputs, run in a folder of its own; raises CellExecutionError."""
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        where = {"metadata": {"path": folder}}
        client = NotebookClient(notebook, timeout=600, startup_timeout=300, resources=where)
        client.execute(env=os.environ | {"GDBENCH_CACHE": folder})
    notebook.metadata.get("language_info", {}).pop("version", None)
    for cell in notebook.cells:
        # when and for how long it ran is nobody's business
        cell.metadata.clear()
        if cell.cell_type == "code":
            # notes and bars are on standard error
            cell.outputs = [o for o in cell.outputs if o.get("name") != "stderr"]
    return notebook


if __name__ == "__main__":
    nbformat.write(executed(), NOTEBOOK)
