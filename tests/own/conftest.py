"""A user's own pictures, in the four containers that gdbench reads."""

import io
import json
import tarfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from typer.testing import CliRunner

from gdbench.cli import app

COLOURS = (
    "red", "green", "blue", "yellow", "black", "white", "orange", "purple", "pink", "brown",
    "gray", "cyan",
)  # fmt: skip


def png(colour, size=16):
    sink = io.BytesIO()
    Image.new("RGB", (size, size), colour).save(sink, "PNG")
    return sink.getvalue()


def write_pictures(folder, names=COLOURS):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / f"{name}.png").write_bytes(png(name))


def write_table(path, lines, **options):
    path.write_text("\n".join(lines) + "\n", **{"encoding": "utf-8", **options})


def parquet(path, rows, picture="image"):
    """Rows with a picture's name and bytes as `datasets` embeds them, and other columns."""
    columns = {
        picture: [{"bytes": png(r["colour"]), "path": f"{r['colour']}.png"} for r in rows],
        **{k: [r[k] for r in rows] for k in rows[0] if k != "colour"},
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path, row_group_size=5)


def shard(path, samples):
    """A tar whose members are (name, bytes)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as tar:
        for name, data in samples:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


@pytest.fixture
def pictures(tmp_path):
    """A folder of twelve pictures with a caption each."""
    folder = tmp_path / "pictures"
    write_pictures(folder)
    write_table(
        folder / "captions.csv", ["file,caption", *(f"{c}.png,a {c} square" for c in COLOURS)]
    )
    return folder


@pytest.fixture
def told():
    """Run a command: exit code, standard output, standard error."""

    def run(*words):
        result = CliRunner().invoke(app, [*map(str, words)])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, result.stdout, result.stderr

    return run


@pytest.fixture
def checked(told):
    """What `gdbench data check --data … --json` says."""

    def run(path, *words):
        _, out, _ = told("data", "check", "--data", path, "--json", *words)
        return json.loads(out)

    return run
