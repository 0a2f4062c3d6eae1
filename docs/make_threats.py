"""Write the table of attacks into docs/threat-model.md by carrying all of them out."""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from gdbench.evaluation import evaluate  # noqa: E402
from gdbench.submissions.submit import submit  # noqa: E402
from gdbench.tasks import TASKS  # noqa: E402
from tests.submissions.attacks.cases import CASES, Ground  # noqa: E402
from tests.submissions.conftest import Denoising, Hashing  # noqa: E402

PAGE = ROOT / "docs/threat-model.md"
LIMIT = 30


def ground(tmp: Path) -> Path:
    """Submissions of two honest models, as the tests have them."""
    for model, tasks in (
        (Hashing(), ("winoground", "bias")),
        (Denoising(schedule="grid"), ("winoground",)),
    ):
        run = tmp / "runs" / model.card.name
        evaluate(model, [TASKS.get(t) for t in tasks], run, suite="mini", limit=LIMIT)
        submit(run, tmp / "base", with_errors=False)
    return tmp / "base"


def main() -> None:
    """Carry out every attack once and write the table."""
    lines = ["| attack | caught by | seconds |", "| --- | --- | --- |"]
    with tempfile.TemporaryDirectory() as name:
        base = ground(Path(name))
        for number, case in enumerate(CASES):
            tmp = Path(name) / str(number)
            proposed = shutil.copytree(base, tmp / "proposed")
            start = time.process_time()
            case.run(Ground(base, proposed, tmp))
            seconds = time.process_time() - start
            lines.append(f"| {case.name} | {case.caught_by} | {seconds:.2f} |")
    table = "\n".join(["<!-- attacks -->", *lines, "<!-- end -->"])
    text = PAGE.read_text(encoding="utf-8")
    text = re.sub(r"<!-- attacks -->.*<!-- end -->", lambda _: table, text, flags=re.DOTALL)
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
