import pytest

from gdbench.errors import GdbenchError, UnknownNameError
from gdbench.models import MODELS
from gdbench.registry import Registry
from gdbench.tasks import GDBENCH, TASKS, select


def test_collision_is_an_error():
    registry = Registry("model", "gdbench.none")
    registry.add("a", "x:y")
    with pytest.raises(GdbenchError, match="two models are called 'a'"):
        registry.add("a", "z:y")


def test_unknown_name_lists_near_matches():
    with pytest.raises(UnknownNameError, match="did you mean winoground"):
        TASKS.get("winground")
    with pytest.raises(UnknownNameError, match="did you mean mini-sd"):
        MODELS.get("minisd")


@pytest.mark.parametrize("name", list(TASKS))
def test_every_task_loads_and_is_what_its_name_says(name):
    task = TASKS.get(name)
    assert task.name == name
    measures = {m.name for m in task.measures}
    assert set(task.primary) <= measures
    assert len(measures) == len(task.measures)


def test_all_means_the_eight():
    assert tuple(t.name for t in select("all", "mini")) == GDBENCH


def test_every_registered_model_is_what_its_name_says():
    for name in MODELS:
        assert MODELS.get(name).name == name
