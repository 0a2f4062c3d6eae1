"""`gdbench models inspect`."""

import json

from gdbench.models.inspection import inspect
from gdbench.models.loading import resolve


def test_the_verb_prints_a_table_or_json(gdbench):
    folder = resolve("mini-clip").source
    facts = json.loads(gdbench("models", "inspect", folder, "--json").out)
    assert facts == inspect(folder).as_dict()
    told = gdbench("models", "inspect", folder)
    assert "cosine" in told.out
    assert "2.02 MB" in told.out
    refused = gdbench("models", "inspect", "nowhere")
    assert refused.code == 2
    assert len(refused.err.strip().splitlines()) == 1


def test_the_list_of_models_is_as_before(gdbench):
    assert "mini-clip" in gdbench("models").out
    assert json.loads(gdbench("models", "--json").out)
