"""What of engines and shards needs no Ray."""

import sys

import pytest

from gdbench.engines import opened
from gdbench.errors import InputError, MissingExtraError
from gdbench.run import ModelRequest, Spread, Where


def test_torchrun_is_pointed_to_the_engines(monkeypatch):
    from gdbench.cli.evaluate import _refuse_torchrun

    _refuse_torchrun()
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("LOCAL_RANK", "0")
    with pytest.raises(InputError, match=r"--engine ray.*--shard i/n"):
        _refuse_torchrun()


@pytest.mark.parametrize("option", [{"workers": 2}, {"address": "auto"}])
def test_options_of_ray_need_ray(option):
    request = ModelRequest(model="constant")
    with (
        pytest.raises(InputError, match="is for --engine ray"),
        opened(request, Where(), Spread(**option)),
    ):
        pass


def test_without_ray_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    spread = Spread(engine="ray")
    with (
        pytest.raises(MissingExtraError, match=r"gdbench\[ray\]"),
        opened(ModelRequest(model="constant"), Where(), spread),
    ):
        pass
