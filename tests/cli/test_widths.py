"""Tables of the verbs at 80, 60 and 20 columns: nothing stands out, and no number is lost."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
(CLIP,) = (p for p in (ROOT / "submissions/mini-clip").iterdir() if "+" not in p.name)
(CONSTANT,) = (p for p in (ROOT / "submissions/constant").iterdir() if "+" not in p.name)
VERBS = {
    "models": ("models",),
    "tasks": ("tasks",),
    "inspect": ("models", "inspect", "mini-clip"),
    "compare": ("compare", CLIP, CONSTANT),
    "results": ("results", ROOT / "submissions/constant"),
    "score": ("score", CONSTANT),
    "status": ("data", "status", "flickr30k", "winoground", "clevr"),
    "help": ("audit", "--help"),
}
# one long word each: paths, and what a number is cited by
ALONE = re.compile(r"\s*(\S*/\S*|gdb\|\S*|\S+)\s*\Z")


@pytest.mark.parametrize("verb", VERBS)
def test_fits(gdbench, monkeypatch, verb):
    numbers = {}
    for width in (80, 60, 20):
        monkeypatch.setenv("COLUMNS", str(width))
        monkeypatch.setenv("NO_COLOR", "1")
        answer = gdbench(*VERBS[verb])
        assert answer.code == 0, answer.err
        assert "\x1b" not in answer.out
        if verb == "help" and width < 60:
            # click's own columns
            continue
        over = [t for t in answer.out.splitlines() if len(t.rstrip()) > width]
        assert not [t for t in over if not ALONE.match(t)]
        numbers[width] = sorted(re.findall(r"(?<![\w.])\d+\.\d+(?![\w.])", answer.out))
    assert numbers[80] == numbers[60] == numbers.get(20, numbers[80])
