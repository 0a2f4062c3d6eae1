"""Files that are made to hurt whoever reads them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gdbench.data.download import is_public
from gdbench.errors import InputError
from gdbench.submissions.problems import Rejected
from gdbench.submissions.scores import read_scores
from tests.submissions.attacks.ground import (
    Ground,
    attack,
)


def bomb(columns: dict[str, pa.Array], path: Path) -> None:
    pq.write_table(pa.table(columns), path, compression="zstd", data_page_size=1 << 30)


@attack("two kilobytes of Parquet that unfold to a gigabyte", "values counted before decoding")
def _(g: Ground) -> None:
    n = 30_000_000
    ones = pa.ListArray.from_arrays(pa.array([0, n], pa.int32()), pa.array(np.ones(n, np.float32)))
    zero = pa.array([0], pa.int32())
    path = g.tmp / "scores.parquet"
    bomb({"item": pa.array(["x"]), "image": zero, "text": zero,
          "score": pa.array([1.0], pa.float32()), "truncated_texts": zero, "errors": ones,
          "unconditional_errors": ones}, path)  # fmt: skip
    assert path.stat().st_size < 50_000
    with pytest.raises(Rejected, match=r"errors|bytes of memory"):
        read_scores(path)


@attack("a pinned manifest that unfolds to gigabytes", "values counted before decoding")
def _(g: Ground) -> None:
    from gdbench.submissions.manifest import Manifest

    n = 15_000_000
    one = pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, np.int32)), ["x" * 50])
    path = g.tmp / "mini.parquet"
    long = pa.DictionaryArray.from_arrays(pa.array(np.zeros(9000, np.int32)), ["x" * 900_000])
    for column in (one, long):
        bomb({"id": column, "label": column, "digest": column}, path)
        assert path.stat().st_size < 1_000_000
        with pytest.raises(InputError, match="bytes of memory"):
            Manifest.load(path)


@attack("a part of a run's log that unfolds to gigabytes", "values counted before decoding")
def _(g: Ground) -> None:
    from gdbench.store import DamagedError, ScoreLog

    n = 90_000_000
    ones = pa.ListArray.from_arrays(pa.array([0, n], pa.int32()), pa.array(np.ones(n, np.float32)))
    zero = pa.array([0], pa.int32())
    (g.tmp / "parts").mkdir(parents=True)
    path = g.tmp / "parts" / "000000.parquet"
    bomb({"item": pa.array(["x"]), "image": zero, "text": zero,
          "score": pa.array([1.0], pa.float32()), "truncated_texts": zero, "errors": ones,
          "unconditional_errors": pa.array([None], ones.type)}, path)  # fmt: skip
    assert path.stat().st_size < 50_000
    with pytest.raises(DamagedError, match="bytes of memory"):
        ScoreLog(g.tmp).done()
    # names that are stored once and repeated
    many = 2_000_000
    long = pa.DictionaryArray.from_arrays(pa.array(np.zeros(many, np.int32)), ["x" * 900])
    zeros = pa.array(np.zeros(many, np.int32))
    bomb({"item": long, "image": zeros, "text": zeros, "score": zeros.cast(pa.float32()),
          "truncated_texts": zeros}, path)  # fmt: skip
    assert path.stat().st_size < 1_000_000
    with pytest.raises(DamagedError, match="bytes of memory"):
        ScoreLog(g.tmp).done()


@attack("a picture in a format whose decoder runs programs", "allow-list of formats")
def _(g: Ground) -> None:
    from gdbench.data.images import decode

    eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n"
    with pytest.raises(InputError, match="not an image"):
        decode(eps, "x.jpg")


@attack("a published address that sends on to a service of the reader's network", "public names")
def _(g: Ground) -> None:
    assert is_public("raw.githubusercontent.com")
    for host in ("127.0.0.1", "127.1", "0x7f.1", "[::1]", "localhost", "metadata.google.internal",
                 "router", "printer.local", "2130706433"):  # fmt: skip
        assert not is_public(host)
