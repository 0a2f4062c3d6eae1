"""Write docs/mini-reproduction.md with `gdbench reproduce krojer2023 --suite mini`.

Runs lie in the folder that is given and are gone on with: `python docs/make_reproduction.py runs`.
"""

import sys
from pathlib import Path

from gdbench.reproduce.mini import MiniReport, reproduce_mini

PAGE = Path(__file__).parent / "mini-reproduction.md"
_HEAD = """# The paper's findings on the bundled models

Made by `python docs/make_reproduction.py FOLDER`, which writes what
`gdbench reproduce krojer2023 --suite mini --format md` prints. The authors' numbers are of other
models and pictures: what is compared is the finding, not the number. `mini-sd` has learnt its drawn
scenes so well that image retrieval as it is loses a quarter of its items and not all; the early
checkpoint `mini-sd-early` comes nearer to chance (10), as the paper's models do on photographs.
The time is that of the records, on a machine that other programs kept busy: two and a half minutes
of one CPU.
"""


def render(report: MiniReport) -> str:
    """The page."""
    return f"{_HEAD}\n{report.markdown()}\n"


if __name__ == "__main__":
    PAGE.write_text(render(reproduce_mini(Path(sys.argv[1]))), encoding="utf-8")
