import pytest
from hypothesis import given
from hypothesis import strategies as st

from gdbench.errors import InputError
from gdbench.protocol import ModelCard
from gdbench.records import Content, LoRAInfo, ModelSettings, TaskInfo
from gdbench.signature import parse_signature, signature

TASK = TaskInfo(
    name="winoground", version="1", suite="full", manifest_sha256="0" * 64, n_items=400,
    n_expected=400,
)  # fmt: skip
SETTINGS = ModelSettings(
    dtype="float16", samples=250, timesteps=(10, 14), schedule="grid", norm="l2", normalise=True,
    noise_sha256="1f3a9c" + "0" * 58, weighting="uniform",
)  # fmt: skip
CONTENT = Content(parts={"network": "a" * 64})
CARD = ModelCard(name="m")


def test_signature_of_the_design():
    card = ModelCard(name="sd2.1", revision="5ede9e4")
    made = signature(TASK, card, SETTINGS, CONTENT, "text")
    content, settings = CONTENT.sha256[:12], parse_signature(made)["id"]
    assert made == (
        "gdb|task:winoground@1/text|suite:full|n:400|items:000000|model:sd2.1@5ede9e4|"
        f"content:{content}|score:l2|T:250 grid|norm:uncond|weight:uniform|noise:1f3a9c|"
        f"dtype:fp16|seed:0|id:{settings}|v2"
    )
    fields = parse_signature(made)
    assert fields["task"] == "winoground@1/text"
    assert fields["T"] == "250 grid"
    assert fields["version"] == "2"


@given(name=st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9._+-]{0,20}\Z"), seed=st.integers(0, 99))
def test_every_signature_parses_back(name, seed):
    fields = parse_signature(signature(TASK, ModelCard(name=name), ModelSettings(seed=seed)))
    assert fields["model"] == f"{name}@0"
    assert fields["seed"] == str(seed)


@pytest.mark.parametrize("text", ["", "gdb", "gdb|v1x", "abc|n:1|v1", "gdb|n|v1", "gdb|n:1|n:2|v1"])
def test_what_is_no_signature_is_refused(text):
    with pytest.raises(InputError):
        parse_signature(text)


OTHER_TASKS = {
    "version": "2", "suite": "mini", "n_items": 399, "manifest_sha256": "1" * 64, "limit": 5,
    "compat": "diffusion-itm-2023",
}  # fmt: skip
OTHER_SETTINGS = {
    "dtype": "float32", "seed": 1, "samples": 251, "schedule": "nested", "noise": "independent",
    "norm": "mse", "normalise": False, "stop": "sequential", "delta": 0.1, "stop_ranks": (1, 5),
    "resolution": 512, "weighting": "none", "timesteps": (10,), "noise_sha256": "2" * 64,
    "latent_shape": (4, 64, 64), "prediction": "epsilon", "lora_scale": 0.5,
    "lora": LoRAInfo(sha256="3" * 64, scale=1.0, n_tensors=2), "extra": {"a": "b"},
    "guidance": 2.0, "max_length": 77, "t5": False, "null_prompt": "zeros",
    "scorer": "vqa", "question": "Is {text} there?", "answers": "Yes", "prior": 0.5,
    "trust_remote_code": True,
}  # fmt: skip


def test_every_setting_is_in_the_signature():
    assert OTHER_SETTINGS.keys() == ModelSettings.model_fields.keys()
    base = SETTINGS.model_copy(update={"delta": 0.05, "stop": "sequential"})
    lines = {signature(TASK, CARD, base, CONTENT)}
    for name, value in OTHER_SETTINGS.items():
        other = value if name != "stop" else "none"
        changed = base.model_copy(update={name: other})
        lines.add(signature(TASK, CARD, changed, CONTENT))
    assert len(lines) == 1 + len(OTHER_SETTINGS)


def test_every_fact_of_the_task_and_the_content_is_in_the_signature():
    lines = {signature(TASK, CARD, SETTINGS, CONTENT)}
    for name, value in OTHER_TASKS.items():
        lines.add(signature(TASK.model_copy(update={name: value}), CARD, SETTINGS, CONTENT))
    limited = TASK.model_copy(update={"limit": 5, "item_seed": 3})
    lines.add(signature(limited, CARD, SETTINGS, CONTENT))
    lines.add(signature(TASK, CARD, SETTINGS, Content(parts={"network": "b" * 64})))
    assert len(lines) == 3 + len(OTHER_TASKS)
