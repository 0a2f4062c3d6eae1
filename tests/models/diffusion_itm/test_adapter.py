import json
import shutil
import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from gdbench.errors import InputError
from gdbench.models import devices
from gdbench.models.diffusion_itm.adapter import DiffusionITM
from gdbench.models.diffusion_itm.families import channels_last
from gdbench.models.diffusion_itm.families.sd import StableDiffusion
from gdbench.models.kinds import ModelEntry
from gdbench.protocol import BatchedITMModel
from tests.models.diffusion_itm.tiny import make_tiny_sd, picture


def test_it_keeps_the_protocol(load, tiny_sd):
    model = load(entry=ModelEntry("tiny", "diffusion-itm", str(tiny_sd), "diffusion-unet"))
    assert isinstance(model, BatchedITMModel)
    assert model.card.name == "tiny"
    assert model.card.resolution == 32
    assert len(model.card.weights_sha256) == 64
    matrix = model.score([picture(1), picture(2)], ["a", "b", "c"])
    assert matrix.shape == (2, 3)
    assert np.isfinite(matrix).all()


def test_settings_say_all_that_changes_a_score(load):
    plain, compat = (
        load(samples=10).settings,
        load(samples=250, compat="diffusion-itm-2023").settings,
    )
    assert (plain.schedule, plain.noise, plain.samples) == ("nested", "antithetic", 10)
    assert len(plain.timesteps) == 10
    assert (compat.schedule, compat.noise, compat.samples) == ("grid", "bank-2023", 250)
    assert len(compat.timesteps) == 245
    assert plain.noise_sha256 != compat.noise_sha256
    assert plain.latent_shape == (4, 8, 8)
    assert load(batch_size=1).settings == load(batch_size=64).settings
    assert load(seed=1).settings.noise_sha256 != load(seed=2).settings.noise_sha256


def test_a_small_budget_is_a_prefix_of_a_large_one(load, items):
    small = list(load(samples=4).score_items(items[:2]))
    large = list(load(samples=9).score_items(items[:2]))
    for a, b in zip(small, large, strict=True):
        np.testing.assert_array_equal(a.errors, b.errors[..., :4])


def test_a_v_prediction_model_is_scored_as_such(load, tmp_path, items):
    """The same network read as v-prediction: errors follow from its output in closed form."""
    folder = make_tiny_sd(tmp_path, prediction_type="v_prediction")
    model = load(folder)
    assert model.settings.prediction == "v_prediction"
    (scores,) = model.score_items(items[:1])
    latent = model.encoders.latent(items[0].images[0])
    prompt = model.encoders.prompts([items[0].texts[0]])[0].tensors["encoder_hidden_states"]
    for k, t in enumerate(model.timesteps):
        noise, alpha = model.noise.noise(k, t), model.pipeline.noising.alphas_cumprod[t]
        x = alpha.sqrt() * latent + (1 - alpha).sqrt() * noise
        with torch.no_grad():
            v = model.pipeline.network(x[None], torch.tensor([t]), prompt[None]).sample[0]
        predicted_noise = alpha.sqrt() * v + (1 - alpha).sqrt() * x
        assert scores.errors[0, 0, k] == pytest.approx(
            float((noise - predicted_noise).norm()), rel=1e-4
        )


def test_a_prediction_that_is_asked_for_goes_before_the_schedulers(load, tmp_path, items):
    folder = make_tiny_sd(tmp_path, prediction_type="v_prediction")
    right, asked = load(folder), load(prediction="v_prediction")
    assert asked.settings.prediction == right.settings.prediction == "v_prediction"
    (a,), (b,) = right.score_items(items[:1]), asked.score_items(items[:1])
    np.testing.assert_array_equal(a.errors, b.errors)
    with pytest.raises(InputError, match=r"--prediction flow: .*predicts epsilon or v_prediction"):
        load(prediction="flow")


def test_a_flow_model_is_read_by_its_scheduler(load, tiny_sd, tmp_path, items):
    folder = tmp_path / "flow"
    shutil.copytree(tiny_sd, folder)
    (folder / "scheduler" / "scheduler_config.json").write_text(
        json.dumps({"_class_name": "FlowMatchEulerDiscreteScheduler", "shift": 3.0}),
        encoding="utf-8",
    )
    model = load(folder)
    assert model.settings.prediction == "flow"
    plain = 0.5
    assert float(model.pipeline.noising.levels[500]) == pytest.approx(3 * plain / (1 + 2 * plain))
    (scores,) = model.score_items(items[:1])
    assert np.isfinite(scores.errors).all()


@pytest.mark.parametrize("options", [{"dtype": "bfloat16"}, {"norm": "mse"}, {"normalise": False}])
def test_other_settings_run(load, items, options):
    (reference,) = load().score_items(items[2:3])  # two pictures, two texts
    (found,) = load(**options).score_items(items[2:3])
    if options.get("dtype"):
        np.testing.assert_allclose(found.errors, reference.errors, rtol=0.05)
        assert not np.array_equal(found.errors, reference.errors)
    else:
        np.testing.assert_array_equal(found.errors, reference.errors)
        power = 2 if "norm" in options else 1
        base = reference.unconditional_errors[0] if "norm" in options else 0.0
        difference = reference.errors[0].astype(np.float64) ** power - np.float64(base) ** power
        expected = -difference.mean(axis=-1) / (256 if power == 2 else 1)
        np.testing.assert_allclose(found.matrix[0], expected, rtol=1e-5, atol=1e-6)
    assert (found.unconditional_errors is None) == (options == {"normalise": False})


def test_text_retrieval_takes_no_unconditional_passes_unless_they_are_asked_for(load, items):
    item, pairs = items[0], 3 * len(items[0].texts)
    model, full = load(), load()
    full.unconditional = True
    (plain,), (whole,) = model.score_items([item]), full.score_items([item])
    assert (model.unet_evaluations, full.unet_evaluations) == (pairs, pairs + 3)
    assert plain.unconditional_errors is None
    np.testing.assert_array_equal(plain.errors, whole.errors)
    shift = whole.matrix - plain.matrix  # the same for all texts of the picture
    np.testing.assert_allclose(shift, whole.unconditional_errors.mean(), rtol=1e-5)
    alone = model.score([item.images[0].open()], item.texts)  # may be compared with other images
    np.testing.assert_array_equal(alone, whole.matrix)


def test_half_precision_on_a_gpu_runs_channels_last(load, items, monkeypatch):
    """The same weights in the other memory format give the same errors, here on the CPU."""
    (reference,) = load().score_items(items[2:3])
    monkeypatch.setattr(channels_last, "default_memory_format", lambda *_: torch.channels_last)
    model = load()
    weight = model.pipeline.network.conv_in.weight
    assert weight.is_contiguous(memory_format=torch.channels_last)
    assert not weight.is_contiguous()
    (found,) = model.score_items(items[2:3])
    np.testing.assert_allclose(found.errors, reference.errors, rtol=1e-5)
    half = devices.default_memory_format(torch.device("cuda"), torch.float16)
    assert half is torch.channels_last


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
@pytest.mark.filterwarnings("ignore")  # the compiler's own
def test_compiled_parts_give_the_same_errors(load, items, tmp_path):
    """Every kind of block once: the compiler of torch 2.7 takes seconds for each of its kernels."""
    folder = make_tiny_sd(tmp_path, layers=1)
    (reference,) = load(folder).score_items(items[2:3])
    (found,) = load(folder, compile=True).score_items(items[2:3])
    np.testing.assert_allclose(found.errors, reference.errors, rtol=1e-5)


def test_the_device_clock_runs_while_the_networks_do(load, items):
    model = load()
    assert model.device_seconds == 0.0
    start = time.perf_counter()
    list(model.score_items(items))
    assert 0 < model.device_seconds < time.perf_counter() - start


def test_weights_hash_changes_with_a_weight(tiny_sd, tmp_path):
    other = make_tiny_sd(tmp_path, seed=1)
    mine, theirs = (StableDiffusion.content_of(folder) for folder in (tiny_sd, other))
    assert mine.differences(theirs) == ["network", "text_encoder", "vae"]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"norm": "l1"}, "--norm l1"),
        ({"noise": "white"}, "--noise white"),
        ({"compat": "2022"}, "--compat 2022"),
        ({"stop": "never"}, "--stop never"),
        ({"stop": "sequential", "compat": "diffusion-itm-2023"}, "--stop sequential needs"),
        ({"delta": 0.0}, "--delta 0"),
        ({"delta": 0.1}, "--delta: only a stopping rule"),
        ({"stop": "none", "stop_ranks": (1,)}, "--stop-ranks: only a stopping rule"),
        ({"stop": "sequential", "stop_ranks": (0, 1)}, "--stop-ranks .*rank 1"),
        ({"batch_size": 0}, "--batch-size 0"),
        ({"device": "tpu9"}, "--device tpu9"),
        ({"device": "cuda:77"}, "--device cuda:77"),
        ({"dtype": "int8"}, "--dtype int8"),
        ({"samples": 0}, "--samples 0"),
    ],
)
def test_wrong_options_are_named(load, options, named):
    with pytest.raises(InputError, match=named):
        load(**options)


def broken(tiny_sd, folder, part, name, change):
    shutil.copytree(tiny_sd, folder)
    path = folder / part / name
    config = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(config | change), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("part", "name", "change", "line"),
    [
        (
            "unet",
            "config.json",
            {"_class_name": "SD3Transformer2DModel"},
            "unet/config.json names SD3",
        ),
        ("unet", "config.json", {"in_channels": 9}, "gives 4 channels and unet takes 9"),
        ("unet", "config.json", {"addition_embed_type": "text_time"}, "addition_embed_type"),
        ("unet", "config.json", {"sample_size": [8, 8]}, "sample_size"),
        ("unet", "config.json", {"cross_attention_dim": 99}, "and unet takes 99"),
        (
            "scheduler",
            "scheduler_config.json",
            {"prediction_type": "sample"},
            "prediction_type 'sample'",
        ),
        ("scheduler", "scheduler_config.json", {"num_train_timesteps": 50}, "num_train_timesteps"),
        ("scheduler", "scheduler_config.json", {"beta_schedule": "odd"}, "beta_schedule 'odd'"),
    ],
)
def test_models_of_another_kind_are_refused(tiny_sd, tmp_path, load, part, name, change, line):
    folder = broken(tiny_sd, tmp_path / "m", part, name, change)
    with pytest.raises(InputError, match=line) as caught:
        load(folder)
    assert "\n" not in str(caught.value)


def test_missing_and_damaged_files_are_named(tiny_sd, tmp_path, load):
    with pytest.raises(InputError, match="no such folder"):
        load(tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"unet/config.json is missing"):
        load(tmp_path / "empty")
    folder = tmp_path / "m"
    shutil.copytree(tiny_sd, folder)
    weights = folder / "vae" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])
    with pytest.raises(InputError, match=r"vae/.*: not a safetensors file") as caught:
        load(folder)
    assert "\n" not in str(caught.value)
    weights.rename(weights.with_name("diffusion_pytorch_model.bin"))
    with pytest.raises(InputError, match="pickled weights"):
        load(folder)
    (folder / "unet" / "config.json").write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match="cannot be read as JSON"):
        load(folder)
    with pytest.raises(InputError, match="is a pickle"):
        load(weights.with_name("diffusion_pytorch_model.bin"))
    with pytest.raises(InputError, match="is a file"):
        load(folder / "unet" / "config.json")


def _hub_answer(name):
    from huggingface_hub import errors

    kind = getattr(errors, name)
    if name == "LocalEntryNotFoundError":
        return kind("offline")
    return kind("no\nentry", response=SimpleNamespace(headers={}, request=None))


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("GatedRepoError", "owner/name is gated: open https://huggingface.co/owner/name"),
        ("RepositoryNotFoundError", "not on the hub, or private"),
        ("RevisionNotFoundError", "no revision 'main2'"),
        ("LocalEntryNotFoundError", "not in the local cache and the hub cannot be reached"),
    ],
)
def test_the_hub_s_refusals_say_how_to_get_access(monkeypatch, name, line):
    import huggingface_hub

    def refuse(*_args, **_options):
        raise _hub_answer(name)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", refuse)
    with pytest.raises(InputError, match=line) as caught:
        DiffusionITM.from_pretrained(
            "owner/name",
            entry=ModelEntry(
                "name", "diffusion-itm", "owner/name", "diffusion-unet", revision="main2"
            ),
        )
    assert "\n" not in str(caught.value)
