"""Without a network every verb ends at once, with one line of whole sentences."""

import logging

import pytest
from huggingface_hub import constants

WORDS = {
    "open_clip": ("check-model", "clip:ViT-B-32/openai"),
    "open_clip, of the hub": ("check-model", "hf-hub:somebody/clip"),
    "diffusion": ("check-model", "sd2.1"),
    "transformers": ("check-model", "hf:google/siglip2-base-patch16-224"),
    "inspect": ("models", "inspect", "google/siglip2-base-patch16-224"),
    "pull": ("pull", "somebody/results"),
}


@pytest.fixture
def no_network(monkeypatch, tmp_path):
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.mark.parametrize("words", WORDS.values(), ids=WORDS)
def test_one_line_says_what_is_missing_and_what_to_do(gdbench, no_network, words):
    root = logging.getLogger()
    handlers = list(root.handlers)
    answer = gdbench(*words)
    assert answer.code == 2
    assert answer.out == ""
    (line,) = answer.err.splitlines()
    assert line.startswith("gdbench: ")
    assert "cannot be reached (" in line
    assert "Errno" not in line
    assert "Error" not in line
    assert root.handlers == handlers
