"""Write docs/mini-reproduction.md with `gdbench reproduce krojer2023 --suite mini`.

Runs lie in the folder that is given and are gone on with: `python docs/make_reproduction.py runs`.
"""

import sys
from pathlib import Path

from gdbench.reproduce.mini import MiniReport, reproduce_mini

PAGE = Path(__file__).parent / "mini-reproduction.md"
_HEAD = """# The paper's findings on the bundled models

Made by `python docs/make_reproduction.py FOLDER`, which writes what
`gdbench reproduce krojer2023 --suite mini --format md` prints, on the newest bundled suite, mini2,
and weights. The authors' numbers are of other models and pictures: what is compared is the finding,
not the number. `mini-sd-early` is a checkpoint from early in the training of `mini-sd`.

A bias counts as taken over only where the effect of the planted pair is larger than that of a pair
of groups that the captions described both ways alike, whichever way that one points. Effects as
large arise in `mini-sd` without a planted association ([mini results](mini-results.md)), so this
finding needs its control; the authors' result files of bias have none.
The time is that of the records, on a machine that other programs kept busy.
"""


def render(report: MiniReport) -> str:
    """The page."""
    return f"{_HEAD}\n{report.markdown()}\n"


if __name__ == "__main__":
    PAGE.write_text(render(reproduce_mini(Path(sys.argv[1]))), encoding="utf-8")
