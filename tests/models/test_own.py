"""A user's own model: what it is made of, what it is given, where it comes from."""

import sys

import numpy as np
import pytest

from gdbench.errors import InputError, RunMismatchError
from gdbench.evaluation import evaluate
from gdbench.models import load_model
from gdbench.models.own import own_model
from gdbench.protocol import ModelCard

FILE = """\
import numpy as np
from gdbench import ModelCard
{imports}

class A:
    card = ModelCard(name="mine")
    {init}
    def score(self, images, texts):
        {before}
        return np.full((len(images), len(texts)), {value}, dtype=float)

instance = A() if {plain} else None
def factory(**options):
    return A(**options)
"""


@pytest.fixture
def write(tmp_path):
    def make(value="1", *, imports="", init="", before="pass", name="mine.py"):
        text = FILE.format(value=value, imports=imports, init=init, before=before, plain=not init)
        (tmp_path / name).write_text(text)
        return f"{tmp_path / name}:A"

    return make


def scored(model):
    return float(model.score([object()], ["x"])[0, 0])


def test_an_edit_is_other_content_and_counts_at_once(write):
    first = load_model(write("1"))
    second = load_model(write("2"))
    # same length, same second: a bytecode cache would not see it
    assert (scored(first), scored(second)) == (1, 2)
    assert first.card.revision != second.card.revision
    assert load_model(write("1")).content == first.content


@pytest.mark.parametrize("inside", [False, True])
def test_modules_beside_the_file_are_imported_and_are_content(write, tmp_path, inside):
    helper = tmp_path / "helper_of_mine.py"
    helper.write_text("VALUE = 1\n")
    line = "from helper_of_mine import VALUE"
    spec = write("VALUE", before=line) if inside else write("VALUE", imports=line)
    first = load_model(spec)
    assert scored(first) == 1
    helper.write_text("VALUE = 2\n")
    second = load_model(spec)
    assert scored(second) == 2
    assert second.content.differences(first.content) == ["helper_of_mine.py"]
    (tmp_path / "unrelated.py").write_text("VALUE = 3\n")
    assert load_model(spec).content == second.content


def test_packages_beside_the_file_count_too(write, tmp_path):
    inner = tmp_path / "parts_of_mine" / "deep"
    inner.mkdir(parents=True)
    (inner.parent / "__init__.py").write_text("")
    (inner / "__init__.py").write_text("from . import numbers_of_mine\n")
    (inner / "numbers_of_mine.py").write_text("VALUE = 1\n")
    spec = write("numbers_of_mine.VALUE", imports="from parts_of_mine.deep import numbers_of_mine")
    first = load_model(spec)
    assert scored(first) == 1
    assert "parts_of_mine/deep/numbers_of_mine.py" in first.content.parts
    (inner / "numbers_of_mine.py").write_text("VALUE = 2\n")
    assert scored(load_model(spec)) == 2
    assert load_model(spec).content != first.content


def test_two_folders_with_helpers_of_one_name_stay_apart(tmp_path):
    for number, folder in enumerate(("a", "b"), 1):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "helper_of_both.py").write_text(f"VALUE = {number}\n")
        text = FILE.format(
            value="VALUE", imports="from helper_of_both import VALUE", init="", before="pass",
            plain=True,
        )  # fmt: skip
        (tmp_path / folder / "mine.py").write_text(text)
    found = [scored(load_model(f"{tmp_path / f / 'mine.py'}:A")) for f in ("a", "b", "a")]
    assert found == [1, 2, 1]


def test_an_instance_a_class_and_a_factory_work(write):
    file = write("1").rpartition(":")[0]
    for name in ("A", "instance", "factory"):
        assert scored(load_model(f"{file}:{name}")) == 1


INIT = "def __init__(self, seed, device, size=1, word='w', settings=None):\n        "
INIT += "self.given = (seed, device, size, word)"


def test_options_and_arguments_reach_a_model_that_asks(write):
    spec = write("1", init=INIT)
    model = load_model(spec, seed=3, device="cpu", samples=7, arguments={"size": "4", "word": "x"})
    assert model.given == (3, "cpu", 4, "x")
    assert model.settings.seed == 3
    assert model.settings.extra == {"size": "4", "word": "x"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"samples": 3}, "--samples: .*does not ask for it"),
        ({"arguments": {"x": "1"}}, "--model-args x: .*takes no such argument; it takes none"),
        ({"lora": "somewhere"}, "--lora: .*does not ask"),
        ({"compile": True}, "--compile: .*does not ask"),
    ],
)
def test_what_a_model_does_not_ask_for_is_refused(write, options, message):
    with pytest.raises(InputError, match=message):
        load_model(write("1"), **options)


def test_an_argument_that_is_missing_is_named(write):
    spec = write("1", init="def __init__(self, size): pass")
    with pytest.raises(InputError, match="needs the argument 'size': --model-args size="):
        load_model(spec)


def test_the_seed_is_recorded_for_every_model(write):
    assert load_model(write("1"), seed=3).settings.seed == 3
    assert load_model("random", seed=3).settings.seed == 3


def test_a_module_of_an_installed_package(write, tmp_path, monkeypatch):
    write("5", name="package_of_mine.py")
    monkeypatch.syspath_prepend(tmp_path)
    model = load_model("package_of_mine:A")
    assert scored(model) == 5
    assert "package_of_mine.py" in model.content.parts
    sys.modules.pop("package_of_mine")
    with pytest.raises(InputError, match="there is no module no_such_package"):
        load_model("no_such_package:A")
    with pytest.raises(InputError, match="package_of_mine has no 'B'; it has: A"):
        load_model("package_of_mine:B")


def test_leaving_is_a_fault_of_the_file(tmp_path):
    (tmp_path / "mine.py").write_text("import sys\nsys.exit(0)\n")
    with pytest.raises(InputError, match=r"SystemExit: 0 \(line 2 of mine.py\)"):
        load_model(f"{tmp_path / 'mine.py'}:A")


def test_an_object_has_content_and_a_stated_revision_is_kept():
    class Mine:
        card = ModelCard(name="mine", revision="v7")

        def score(self, images, texts):
            return np.zeros((len(images), len(texts)))

    model = own_model(Mine())
    assert model.card.revision == f"v7+{model.content.sha256[:7]}"
    assert own_model(model) is model


@pytest.mark.parametrize("given", [{"samples": 3}, 7, ""])
def test_settings_of_another_type_are_refused(write, given):
    path = write(init=f"settings = {given!r}").rpartition(":")[0]
    for name in ("A", "factory"):
        with pytest.raises(InputError, match=r"attribute settings is of type .*ModelSettings"):
            load_model(f"{path}:{name}")

    class Handed:
        card = ModelCard(name="handed")
        settings = given

        def score(self, images, texts):
            return np.zeros((len(images), len(texts)))

    with pytest.raises(InputError, match="Handed: its attribute settings is of type"):
        own_model(Handed())


@pytest.mark.parametrize("description", ["a <b> c", "a\u2028b", "a\x1b[31m", "\ud800", "a" * 5000])
def test_words_that_no_record_may_hold_are_refused_before_the_run(
    tmp_path, colour_task, description
):
    class Described:
        card = ModelCard(name="described", description=description)

        def score(self, images, texts):
            raise AssertionError

    with pytest.raises(InputError, match=r"model.description .*; no record may hold that"):
        evaluate(Described(), [colour_task], tmp_path / "run", suite="mini")
    assert not (tmp_path / "run").exists()


def test_an_argument_that_no_record_may_hold_is_refused(write, tmp_path, colour_task):
    path = write(init="def __init__(self, word=''): pass").rpartition(":")[0]
    model = load_model(f"{path}:A", arguments={"word": "<image>"})
    with pytest.raises(InputError, match=r"settings.extra.word has markup: '<image>'"):
        evaluate(model, [colour_task], tmp_path / "run", suite="mini")


def test_a_run_is_not_continued_with_edited_code(write, tmp_path, colour_task):
    evaluate(load_model(write("1")), [colour_task], tmp_path / "run", suite="mini", limit=2)
    edited = load_model(write("2"))
    with pytest.raises(
        RunMismatchError, match=r"begun with other content of mine: mine\.py differs"
    ):
        evaluate(edited, [colour_task], tmp_path / "run", suite="mini", limit=2)


@pytest.mark.parametrize("asked", ["card", "score", "settings", "score_items", "continue_items"])
def test_attribute_that_raises_is_one_line(tmp_path, asked):
    path = tmp_path / "mine.py"
    path.write_text(
        "import numpy as np\n"
        "from gdbench import ModelCard\n"
        "class A:\n"
        "    def __getattribute__(self, name):\n"
        f"        if name == {asked!r}:\n"
        "            raise RuntimeError('not\\nyet')\n"
        "        return object.__getattribute__(self, name)\n"
        "    card = ModelCard(name='mine')\n"
        "    def score(self, images, texts):\n"
        "        return np.zeros((len(images), len(texts)))\n"
        "    def score_items(self, items):\n"
        "        yield\n"
        "instance = A()\n"
    )
    for name in ("A", "instance"):
        with pytest.raises(InputError, match="RuntimeError: not yet") as fault:
            hasattr(load_model(f"{path}:{name}"), "continue_items")
        assert "\n" not in str(fault.value)
