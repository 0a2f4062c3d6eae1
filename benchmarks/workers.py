"""What a second worker brings, and what Ray itself costs.

    OMP_NUM_THREADS=1 python -m benchmarks.workers shares
    OMP_NUM_THREADS=1 python -m benchmarks.workers ray

`shares`: one process against two with `--shard i/2`, in CPU seconds (which other programs on the
machine change little) and in wall seconds; the two in turn, which shows how the work is divided,
and at the same time, where cores that share caches and memory also slow each other. `ray`: a model
that does nothing, in two workers and in this process.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from gdbench.data.images import MemoryImage
from gdbench.engines import opened
from gdbench.protocol import Item, Query
from gdbench.run import ModelRequest, Spread, Where

NO_OP = """\
import numpy as np
from gdbench import ModelCard
from gdbench.protocol import Scores

class NoOp:
    card = ModelCard(name="no-op")

    def score(self, images, texts):
        return np.zeros((len(images), len(texts)), np.float32)

    def score_items(self, items):
        for item in items:
            yield Scores(item.id, np.zeros((len(item.images), len(item.texts)), np.float32))
"""


def _evaluate(out: Path, samples: int, *more: str) -> list[str]:
    return [
        sys.executable, "-m", "gdbench", "--quiet", "evaluate", "-m", "mini-sd", "--suite", "mini",
        "--tasks", "winoground", "--samples", str(samples), "--device", "cpu", "--out", str(out),
        *more,
    ]  # fmt: skip


def _together(commands: Sequence[list[str]]) -> tuple[list[float], float]:
    """CPU seconds of commands that run at the same time, and wall seconds of all."""
    begin = time.monotonic()
    children = []
    for words in commands:
        nowhere = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
        children.append(os.posix_spawn(words[0], words, os.environ, file_actions=nowhere))
    cpu = []
    for child in children:
        _, status, usage = os.wait4(child, 0)
        if status:
            raise SystemExit(f"a run ended with {os.waitstatus_to_exitcode(status)}")
        cpu.append(usage.ru_utime + usage.ru_stime)
    return cpu, time.monotonic() - begin


def shares(samples: int) -> None:
    """One process against two."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (start,), _ = _together([_evaluate(folder / "start", 1, "--limit", "1")])
        (one,), wall = _together([_evaluate(folder / "one", samples)])
        commands = {
            turn: [_evaluate(folder / f"{turn}{i}", samples, "--shard", f"{i}/2") for i in (1, 2)]
            for turn in ("alone", "both")
        }
        alone = [_together([words])[0][0] for words in commands["alone"]]
        two, both_wall = _together(commands["both"])
    print(f"start of a process (one item, one sample): {start:.1f} CPU s")
    print(f"one process: {one:.1f} CPU s, {wall:.1f} s")
    print(f"two shares in turn: {alone[0]:.1f} and {alone[1]:.1f} CPU s")
    print(f"two at the same time: {two[0]:.1f} and {two[1]:.1f} CPU s, {both_wall:.1f} s together")
    for name, cpu in (("in turn", alone), ("at the same time", two)):
        print(
            f"speed-up, {name}: {one / max(cpu):.2f} of the whole command in CPU seconds, "
            f"{(one - start) / (max(cpu) - start):.2f} without the start"
        )


def ray(n: int) -> None:
    """A model that does nothing: Ray's own cost for each item, and in this process."""
    picture = MemoryImage(Image.new("RGB", (8, 8)))
    items = [
        Item(f"i{k}", (picture,), ("a", "b"), Query.TEXT_RETRIEVAL, (0,), "all") for k in range(n)
    ]
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "no_op.py").write_text(NO_OP)
        request = ModelRequest(model=f"{name}/no_op.py:NoOp")
        for spread in (Spread(), Spread(engine="ray", workers=2)):
            begin = time.monotonic()
            with opened(request, Where(), spread) as engine:
                ready, cpu = time.monotonic(), time.process_time()
                scored = sum(1 for _ in engine.score((item, None) for item in items))
                end, cpu = time.monotonic(), time.process_time() - cpu
            print(
                f"{spread.engine or 'local'}: start {ready - begin:.1f} s, {scored:,} items in "
                f"{end - ready:.2f} s, {1e6 * cpu / n:.0f} us CPU an item in the driver"
            )


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["shares", "ray"])
    parser.add_argument("--samples", type=int, default=30)
    parser.add_argument("--items", type=int, default=20_000)
    options = parser.parse_args()
    if options.what == "shares":
        shares(options.samples)
    else:
        ray(options.items)


if __name__ == "__main__":
    main()
