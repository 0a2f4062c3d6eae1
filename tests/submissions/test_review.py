import shutil

import pytest

from gdbench.submissions.review import changed, code, review
from gdbench.submissions.submit import submit
from gdbench.submissions.verify import verify


@pytest.fixture
def base(runs, tmp_path):
    """What was there before: one of the two models."""
    submit(runs / "denoising", tmp_path / "base", with_errors=False)
    return tmp_path / "base"


def test_only_what_is_new_is_shown_and_compared(tree, base):
    report = verify(tree, against=base)
    assert {v.place.model for v in changed(report)} == {"hashing"}
    text = review(report, base)
    assert "every number follows from its scores" in text
    assert "| `hashing/1/winoground` | partial | 30 |" in text
    assert "**`hashing@1`** against **`denoising@2`**" in text
    assert "| `winoground` |" in text


def test_a_changed_record_is_new(tree, base, edit):
    edit(tree / "denoising/2/winoground", lambda raw: raw.update(score=0.9))
    report = verify(tree, against=base)
    assert "denoising/2/winoground" in {v.place.path for v in changed(report)}
    text = review(report, base)
    assert "- `denoising/2/winoground/record.json` replaced" in text
    assert "`denoising/2/winoground/record.json` score" in text


def test_nothing_new(base):
    assert "No submission is new" in review(verify(base, against=base), base)


def test_with_an_empty_base_everything_is_new(tree, tmp_path):
    (tmp_path / "empty").mkdir()
    text = review(verify(tree, against=tmp_path / "empty"), tmp_path / "empty")
    assert text.count("| `") == 3


def test_strangers_texts_have_no_meaning(tree, base):
    shutil.copytree(tree / "hashing", tree / "x | @everyone `rm` ![](http://x)".replace("/", ""))
    text = review(verify(tree, against=base), base)
    for line in text.splitlines():
        outside = "".join(line.split("`")[::2])
        assert "@everyone" not in outside
        assert "![" not in outside
    assert code("a`b|c\nd\u202e") == "`a'b/c?d?`"
