import pytest

from gdbench.errors import InputError
from gdbench.models import load_model
from gdbench.models.baselines import Constant, Random
from gdbench.models.conformance import check

CONSTANT = """\
import numpy as np
from gdbench import ModelCard


class Constant:
    card = ModelCard(name="mine")

    def score(self, images, texts):
        return np.zeros((len(images), len(texts)))
"""


@pytest.fixture
def write(tmp_path):
    def write_file(text, name="mine.py"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write_file


def test_ten_lines_make_a_model(write):
    assert len(CONSTANT.splitlines()) <= 10
    model = load_model(f"{write(CONSTANT)}:Constant")
    assert model.card.name == "mine"
    assert all(c.passed for c in check(model))


@pytest.mark.parametrize(
    ("text", "attribute", "message"),
    [
        (CONSTANT, "Konstant", "has no 'Konstant'; it has: Constant"),
        ("def broken(:", "X", "SyntaxError"),
        ("import no_such_package", "X", r"ModuleNotFoundError: .*line 1 of mine.py"),
        ("class X:\n    def __init__(self):\n        1 / 0", "X", "ZeroDivisionError.*line 3"),
        ("class X:\n    pass", "X", "is not a model: it needs"),
        ("class X:\n    card = 'x'\n    def score(self, i, t): ...", "X", "is not a model"),
    ],
)
def test_faults_of_a_file_are_one_line(write, text, attribute, message):
    with pytest.raises(InputError, match=message) as caught:
        load_model(f"{write(text)}:{attribute}")
    assert "\n" not in str(caught.value)


def test_missing_file_is_one_line():
    with pytest.raises(InputError, match=r"no file nowhere\.py"):
        load_model("nowhere.py:Model")


def test_two_files_of_one_name_stay_apart(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "m.py").write_text(CONSTANT.replace("mine", f"mine-{folder}"))
    names = [load_model(f"{tmp_path / f / 'm.py'}:Constant").card.name for f in ("a", "b")]
    assert names == ["mine-a", "mine-b"]


def broken(body):
    class Model:
        card = Constant.card

        def score(self, images, texts):
            return body(self, images, texts)

    return Model()


def failed(model):
    return [c.name for c in check(model) if not c.passed]


def test_conformance_finds_each_fault():
    import itertools

    import numpy as np

    calls = itertools.count()
    grid = lambda i, t: np.outer(np.arange(1.0, len(i) + 1), np.arange(1.0, len(t) + 1))  # noqa: E731
    right = Random()
    assert failed(right) == []
    assert failed(broken(lambda s, i, t: np.zeros((len(t), len(i) + 1)))) == ["shape of the scores"]
    assert failed(broken(lambda s, i, t: 1 / 0)) == ["shape of the scores"]
    assert "finite scores" in failed(broken(lambda s, i, t: right.score(i, t) * np.nan))
    assert "same input, same score" in failed(
        broken(lambda s, i, t: right.score(i, t) + next(calls))
    )
    assert failed(broken(lambda s, i, t: grid(i, t))) == [
        "order of images does not matter",
        "order of texts does not matter",
    ]
    assert "a pair scores alone as in a batch" in failed(
        broken(lambda s, i, t: right.score(i, t) + len(i))
    )


def test_random_depends_on_content_and_seed_alone():
    import numpy as np
    from PIL import Image

    images = [Image.new("RGB", (4, 4), c) for c in ("red", "blue")]
    a = Random().score(images, ["x", "y"])
    assert np.array_equal(a[::-1], Random().score(images[::-1], ["x", "y"]))
    assert not np.array_equal(a, Random(seed=1).score(images, ["x", "y"]))
    assert ((a >= 0) & (a < 1)).all()
