"""Tasks from a user's own code: `--tasks file.py:TASK`, `package.module:TASK`, `own_task`."""

import pytest

import gdbench
from gdbench.tasks import task_from_code
from tests.own.conftest import write_pictures

CODE = """
from pathlib import Path
import gdbench

HERE = Path(__file__).parent

def items():
    for name in ("red", "blue"):
        image = gdbench.image(HERE / "d" / f"{name}.png")
        yield gdbench.Item(name, (image,), (f"{name} thing", "green thing"),
                           gdbench.Query.TEXT_RETRIEVAL, (0,), "colours")

TASK = gdbench.own_task("colours", items, description="Which colour is it?")
WRONG = 3
"""


def of_item(field):
    """The code with another value of a field of each item."""
    return (
        CODE.replace("yield gdbench.Item(", "yield replace(gdbench.Item(")
        .replace('"colours")', f'"colours"), {field})')
        .replace("import gdbench", "import gdbench\nfrom dataclasses import replace", 1)
    )


def of_task(options):
    return CODE.replace('description="Which colour is it?"', options)


def of_measure(arguments, primary="['r']"):
    return of_task(f"measures=[gdbench.Recall('r', {arguments})], primary={primary}")


@pytest.fixture
def code(tmp_path):
    write_pictures(tmp_path / "d", ["red", "blue"])
    (tmp_path / "mytasks.py").write_text(CODE)
    return tmp_path / "mytasks.py"


def test_from_a_file(code, told, tmp_path):
    words = ("evaluate", "-m", "mini-clip", "--tasks", f"{code}:TASK", "--out", tmp_path / "run")
    assert told(*words)[0] == 0
    results = gdbench.load_run(tmp_path / "run")
    record = results["colours"]
    assert (record.task.n_items, record.definition.description) == (2, "Which colour is it?")
    assert record.definition.primary == ("r1",)
    for verb in ("score", "verify"):
        assert told(verb, tmp_path / "run")[0] == 0


def test_from_a_module(code, told, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(code.parent)
    code.rename(code.with_name("installed_tasks.py"))
    words = (
        "evaluate",
        "-m",
        "constant",
        "--tasks",
        "installed_tasks:TASK",
        "--out",
        tmp_path / "run",
    )
    assert told(*words)[0] == 0
    assert gdbench.load_run(tmp_path / "run").tasks == ("colours",)


@pytest.mark.parametrize(
    ("target", "source", "words"),
    [
        ("nofile.py:TASK", "", "there is no file nofile.py"),
        ("{}:NONE", CODE, "has no 'NONE'; it has HERE, TASK, WRONG"),
        ("{}:WRONG", CODE, "expected a gdbench.Task, it is of type int"),
        ("{}:TASK", "1 / 0", r"ZeroDivisionError: division by zero \(line 1 of mytasks.py\)"),
        ("{}:TASK", "def x(", "SyntaxError"),
        ("{}:TASK", CODE.replace('"colours", items', '"pets", items'), "a task 'pets' already"),
        ("{}:TASK", CODE.replace("(0,)", "(2,)"), "item 'red': gold .2,. is out of 0..1"),
        ("{}:TASK", CODE.replace("Item(name", 'Item("same"'), "'same': two items have this id"),
        ("{}:TASK", CODE.replace('.png"', '.jpg"'), "there is no such file"),
        ("{}:TASK", CODE.replace("yield ", "yield 1; "), "item 1 is a int, expected a gdbench.It"),
        ("no.such.module:TASK", CODE, "ModuleNotFoundError"),
        ("{}:TASK", of_item("texts='ab'"), "texts is of type str, expected a tuple"),
        ("{}:TASK", of_item("tags='ab'"), "tags is of type str, expected a tuple"),
        ("{}:TASK", of_item("tags=(1,)"), "tags are .1,., expected texts"),
        ("{}:TASK", of_item("gold=[0]"), "gold is of type list, expected a tuple"),
        ("{}:TASK", of_item("gold=0"), "gold is of type int, expected a tuple"),
        ("{}:TASK", of_item("gold=(True,)"), "gold is .True,. .* expected whole numbers"),
        ("{}:TASK", of_item("subtask=None"), "subtask is None, expected a text"),
        ("{}:TASK", of_item("cluster=7"), "cluster is 7, expected a text"),
        ("{}:TASK", of_task("measures=['r']"), "'r' is no measure, such as gdbench.Recall"),
        ("{}:TASK", of_measure("('shapes',)"), "no item belongs to it; sub-tasks are colours"),
        ("{}:TASK", of_measure("'colours'"), "subtasks is of type str, expected a tuple"),
        ("{}:TASK", of_measure("('colours',), k=0"), "k is 0, expected 1 or more"),
        ("{}:TASK", of_measure("('colours',)", "'r'"), "primary is a text, expected a list"),
        ("{}:TASK", of_task("measures=[gdbench.EffectSize('e', 'a', 'b')]"), "no item belongs to"),
        ("{}:TASK", of_task("measures=[gdbench.PairMatching('p', 'text')]"), "no item belongs to"),
        ("{}:TASK", CODE.replace('"colours", items', '"run.json", items'), "and not run.json"),
        ("{}:TASK", CODE.replace('"colours", items', '"../up", items'), "letters, digits"),
    ],
)
def test_code_that_gives_no_task(code, target, source, words):
    code.write_text(source)
    with pytest.raises(gdbench.GdbenchError, match=words):
        task_from_code(target.format(code))


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("name='../../up'", "task '../../up': a name is letters, digits"),
        ("title=7", "task colours: title is '7': expected a valid string"),
        ("license=None", "task colours: license is 'None': expected a valid string"),
        ("title='a < b'", "definition.colours.title has markup: 'a < b'; no record may hold that"),
        ("notes=('a\\u2028b',)", r"definition.colours.notes.0. has the control character U.2028"),
        ("description='a' * 5000", "description has 5000 characters, at most 4000"),
        ("url='\\ud800'", "url has the control character U.D800"),
        ("version='1\\x1b'", "task.colours.version has the control character U.001B"),
    ],
)
def test_a_task_whose_own_words_are_none(code, tmp_path, told, field, words):
    code.write_text(f"{CODE}\nfrom dataclasses import replace\nTASK = replace(TASK, {field})")
    with pytest.raises(gdbench.GdbenchError, match=words):
        told("evaluate", "-m", "constant", "--tasks", f"{code}:TASK", "--out", tmp_path / "a/b/run")
    assert not list(tmp_path.rglob("up"))


PAIR = """
ONE = tuple(next(iter(TASK.items())).images)
TASK = gdbench.own_task("pairs", [gdbench.Item(
    "a", ONE * {n}, ("a", "b", "c")[:{n}], gdbench.Query.MATCHING, {gold}, "s")])
"""


@pytest.mark.parametrize(("n", "gold"), [(2, (1, 0)), (2, (0, 0)), (3, (0, 1, 2))])
def test_scores_of_pairs_are_of_two_in_their_places(code, tmp_path, told, n, gold):
    code.write_text(CODE + PAIR.format(n=n, gold=gold))
    words = ("evaluate", "-m", "constant", "--tasks", f"{code}:TASK", "--out", tmp_path / "run")
    with pytest.raises(gdbench.GdbenchError, match=r"item 'a': .* gold \(0, 1\)"):
        told(*words)
    code.write_text(CODE + PAIR.format(n=2, gold=(0, 1)))
    assert told(*words)[0] == 0


def test_a_record_that_would_be_too_large_is_refused_first(code, tmp_path, told):
    code.write_text(
        CODE.replace("items():", "items(n=600):")
        .replace('for name in ("red", "blue"):', 'for name in ["red"] * n:\n        n -= 1')
        .replace("gdbench.Item(name,", "gdbench.Item(str(n),")
        .replace('"colours")', 'f"s{n}")')
    )
    words = ("evaluate", "-m", "constant", "--tasks", f"{code}:TASK", "--out", tmp_path / "run")
    with pytest.raises(gdbench.GdbenchError, match=r"60\d measures, and a record holds 500"):
        told(*words)
    assert not (tmp_path / "run").exists()


class Length:
    """A measure of somebody's own: whether the right text is the longest."""

    name, unit, smallest_part = "length", gdbench.Recall.unit, 1

    def __init__(self):
        self.inner = gdbench.Recall("length", ("all",))

    def part_of(self, label):
        return self.inner.part_of(label)

    def credits(self, query, gold, matrices):
        return self.inner.credits(query, gold, matrices)

    def chance(self, label):
        return 0.5


def test_a_measure_of_one_s_own_is_shown_where_its_code_is_not(tmp_path, told):
    picture = gdbench.image(b"")
    item = gdbench.Item("a", (picture,), ("x", "yy"), gdbench.Query.TEXT_RETRIEVAL, (1,), "all")
    with pytest.raises(gdbench.GdbenchError, match="an empty file"):
        gdbench.evaluate("random", gdbench.own_task("mine", [item]), out=tmp_path / "x", quiet=True)
    write_pictures(tmp_path / "d", ["red"])
    whole = gdbench.Item(
        "a", (gdbench.image(tmp_path / "d/red.png"),), ("x", "yy"), gdbench.Query.TEXT_RETRIEVAL,
        (1,), "all",
    )  # fmt: skip
    task = gdbench.own_task("mine", [whole], measures=[Length()], primary=["length"])
    results = gdbench.evaluate("constant", task, out=tmp_path / "run", quiet=True)
    assert results.task_scores["mine"].value == 0.5
    code, out, _ = told("verify", tmp_path / "run")
    assert code == 1
    assert "measure length is a" in out
    assert "whose code is not here" in out


def test_items_that_ask_different_things():
    picture = gdbench.image(b"x")
    one = gdbench.Item("a", (picture,), ("x", "y"), gdbench.Query.TEXT_RETRIEVAL, (0,), "s")
    two = gdbench.Item("b", (picture,), ("x", "y"), gdbench.Query.ASSOCIATION, (0,), "s")
    with pytest.raises(gdbench.GdbenchError, match=r"association, retrieval.*say measures="):
        gdbench.own_task("mixed", [one, two])
    with pytest.raises(gdbench.GdbenchError, match="task mine: no items"):
        gdbench.own_task("mine", [])
    with pytest.raises(gdbench.GdbenchError, match="a name is letters"):
        gdbench.own_task("../x", [one])
