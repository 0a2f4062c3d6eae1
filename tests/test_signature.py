import pytest
from hypothesis import given
from hypothesis import strategies as st

from gdbench.errors import InputError
from gdbench.protocol import ModelCard
from gdbench.records import ModelSettings, TaskInfo
from gdbench.signature import parse_signature, signature

TASK = TaskInfo(
    name="winoground", version="1", suite="full", manifest_sha256="0" * 64, n_items=400,
    n_expected=400,
)  # fmt: skip
SETTINGS = ModelSettings(
    dtype="float16", samples=250, timesteps=(10, 14), schedule="grid", norm="l2", normalise=True,
    noise_sha256="1f3a9c" + "0" * 58,
)  # fmt: skip


def test_signature_of_the_design():
    made = signature(TASK, ModelCard(name="sd2.1", revision="5ede9e4"), SETTINGS, "text")
    assert made == (
        "gdb|task:winoground/text|suite:full|n:400|model:sd2.1@5ede9e4|score:l2|T:250 grid|"
        "norm:uncond|noise:1f3a9c|dtype:fp16|seed:0|v1"
    )
    fields = parse_signature(made)
    assert fields["task"] == "winoground/text"
    assert fields["T"] == "250 grid"
    assert fields["version"] == "1"


@given(name=st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9._+-]{0,20}\Z"), seed=st.integers(0, 99))
def test_every_signature_parses_back(name, seed):
    fields = parse_signature(signature(TASK, ModelCard(name=name), ModelSettings(seed=seed)))
    assert fields["model"] == f"{name}@0"
    assert fields["seed"] == str(seed)


@pytest.mark.parametrize("text", ["", "gdb", "gdb|v1x", "abc|n:1|v1", "gdb|n|v1", "gdb|n:1|n:2|v1"])
def test_what_is_no_signature_is_refused(text):
    with pytest.raises(InputError):
        parse_signature(text)
