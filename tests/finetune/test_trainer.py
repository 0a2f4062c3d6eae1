"""Runs on a tiny random model: what is trained, resuming after a kill, bad numbers, logs."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from gdbench.errors import GdbenchError, InputError, MissingExtraError, RunMismatchError
from gdbench.evaluation import evaluate
from gdbench.finetune import trainer as trainer_module
from gdbench.finetune.batches import Sampler, places
from gdbench.finetune.journal import read
from gdbench.finetune.network import Trainee, add_lora, attention_modules
from gdbench.finetune.run import Length, Sources
from gdbench.finetune.scenes import SceneExamples
from gdbench.finetune.settings import HardNegSettings
from gdbench.finetune.validation import SUITE, held_out_task, mini_items
from gdbench.models.device_clock import DeviceClock
from gdbench.models.diffusion_itm.adapter import DiffusionITM
from gdbench.models.diffusion_itm.conditioning import stacked
from gdbench.models.diffusion_itm.encoders import Encoders
from gdbench.models.diffusion_itm.families.sd import EMBEDDINGS
from gdbench.models.diffusion_itm.loading import load_pipeline
from gdbench.models.lora import load_lora
from gdbench.models.lora_file import read_lora
from gdbench.models.reading import Reading
from gdbench.records import ResultRecord

WEIGHTS = "pytorch_lora_weights.safetensors"
CPU = torch.device("cpu")


def curve(out):
    return [{k: v for k, v in entry.items() if k != "seconds"} for entry in read(out / "log.jsonl")]


def assert_same_run(one, two):
    a, b = load_file(one / WEIGHTS), load_file(two / WEIGHTS)
    assert a.keys() == b.keys()
    assert all(torch.equal(a[key], b[key]) for key in a)
    assert curve(one) == curve(two)


@pytest.mark.parametrize(("cross_only", "per_block"), [(False, 8), (True, 4)])
def test_only_the_lora_has_gradients(tiny_sd, cross_only, per_block):
    unet = load_pipeline(tiny_sd, CPU, torch.float32).network
    blocks = sum(name.endswith(".attn2") for name, _ in unet.named_modules())
    assert len(attention_modules(unet, cross_only=cross_only)) == per_block * blocks
    trained = add_lora(unet, rank=3, alpha=None, cross_only=cross_only, seed=0)
    assert len(trained) == 2 * per_block * blocks
    x, t, text = torch.randn(1, 4, 8, 8), torch.tensor([5]), torch.randn(1, 16, 24)
    unet(x, t, encoder_hidden_states=text).sample.square().mean().backward()
    for name, parameter in unet.named_parameters():
        assert (parameter.grad is not None) == ("lora_" in name), name


def test_training_leaves_the_base_and_changes_the_lora(tiny_sd, train, tmp_path):
    train(tmp_path / "run", steps=3)
    again = load_pipeline(tiny_sd, CPU, torch.float32)
    info = load_lora(again.network, tmp_path / "run")
    fresh = load_pipeline(tiny_sd, CPU, torch.float32)
    base = fresh.network.state_dict()
    for name, tensor in again.network.state_dict().items():
        if "lora_" not in name:
            assert torch.equal(tensor, base[name.replace(".base_layer", "")])
    ups = [pair.up for pair in read_lora(tmp_path / "run").pairs.values()]
    assert all(bool(up.any()) for up in ups)  # they start at zero
    assert info.n_tensors == 2 * len(ups)
    # as diffusers reads it
    fresh.network.load_lora_adapter(tmp_path / "run", prefix="unet", weight_name=WEIGHTS)
    x, t, text = torch.randn(1, 4, 8, 8), torch.tensor([5]), torch.randn(1, 16, 24)
    with torch.no_grad():
        ours = again.network(x, t, encoder_hidden_states=text).sample
        theirs = fresh.network(x, t, encoder_hidden_states=text).sample
    assert torch.equal(ours, theirs)


def test_a_lora_is_in_settings_and_revision(tiny_sd, train, tmp_path):
    train(tmp_path / "run", steps=1)
    lora = read_lora(tmp_path / "run")
    plain = DiffusionITM.from_pretrained(tiny_sd, device="cpu", samples=1)
    whole = DiffusionITM.from_pretrained(tiny_sd, device="cpu", samples=1, lora=tmp_path / "run")
    half = DiffusionITM.from_pretrained(
        tiny_sd, device="cpu", samples=1, lora=tmp_path / "run", lora_scale=0.5
    )
    assert plain.settings.lora is None
    assert whole.settings.lora.sha256 == half.settings.lora.sha256 == lora.sha256
    assert half.settings.lora.scale == 0.5
    assert whole.content.differences(plain.content) == ["lora"]
    assert half.content.differences(whole.content) == ["lora"]
    assert len({model.card.revision for model in (plain, whole, half)}) == 3


def test_the_loss_falls(tiny_sd, train, tmp_path):
    train(
        tmp_path / "run", negatives="none", steps=30, learning_rate=1e-2, batch_size=4,
        checkpoint_every=30, sources=Sources(str(tiny_sd), "mini", scenes=4),
    )  # fmt: skip
    losses = [entry["loss"] for entry in curve(tmp_path / "run")]
    assert sum(losses[-8:]) < 0.97 * sum(losses[:8])


def test_first_step_against_the_engine(tiny_sd, train, tmp_path):
    """L_pos and L_neg of step 1 are squares of what evaluation measures, same noise and t."""
    train(tmp_path / "run", steps=1, batch_size=2)
    (entry,) = curve(tmp_path / "run")
    model = DiffusionITM.from_pretrained(tiny_sd, device="cpu", samples=1)
    sampler = Sampler(SceneExamples(64), "mixed", (4, 8, 8), 0)
    sums = {"positive": 0.0, "negative": 0.0}
    for place in range(2):
        drawn = sampler.at(place)
        e = drawn.example
        for key, image, text in (
            ("positive", e.image, e.text),
            ("negative", e.negative_image, e.negative_text),
        ):
            with torch.inference_mode():
                error = model.denoiser.errors(
                    model.encoders.latent(image)[None],
                    drawn.noise[None],
                    torch.tensor([drawn.timestep]),
                    stacked(model.encoders.prompts([text])),
                )
            sums[key] += float(error) ** 2 / (4 * 8 * 8) / 2
    assert entry["positive"] == pytest.approx(sums["positive"], rel=1e-5)
    assert entry["negative"] == pytest.approx(sums["negative"], rel=1e-5)


def test_interrupted_at_any_step_gives_the_same_bits(train, tmp_path, monkeypatch):
    settings = {"steps": 5, "validate_every": 2, "validation_items": 4, "validation_samples": 1}
    train(tmp_path / "whole", **settings)
    plain = trainer_module.Trainer._step

    def dies_at(step):
        def until(self):
            if self.state.step == step:
                raise KeyboardInterrupt
            return plain(self)

        return until

    for step in (1, 3):
        monkeypatch.setattr(trainer_module.Trainer, "_step", dies_at(step))
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path / "broken", **settings)
    monkeypatch.setattr(trainer_module.Trainer, "_step", plain)
    train(tmp_path / "broken", **settings)
    assert_same_run(tmp_path / "whole", tmp_path / "broken")
    results = [json.loads((tmp_path / d / "result.json").read_text()) for d in ("whole", "broken")]
    assert results[0] == results[1]
    assert results[0]["best_step"] in (2, 4, 5)
    records = sorted(p.name for p in (tmp_path / "broken" / "validation").iterdir())
    assert records == [f"step-0000000{step}" for step in (0, 2, 4, 5)]


def test_validation_begins_with_the_base_model(tiny_sd, train, tmp_path):
    train(
        tmp_path / "run", steps=1, validate_every=1, validation_items=4, validation_samples=2,
    )  # fmt: skip
    folder = tmp_path / "run" / "validation" / "step-00000000" / "held_out"
    validated = ResultRecord.model_validate_json((folder / "record.json").read_bytes())
    base = DiffusionITM.from_pretrained(tiny_sd, device="cpu", samples=2)
    task = held_out_task(mini_items(4))
    (record,) = evaluate(base, [task], tmp_path / "base", suite=SUITE)
    assert [m.value for m in validated.metrics] == [m.value for m in record.metrics]
    assert json.loads((tmp_path / "run" / "result.json").read_text())["best_step"] == 1


def command(tiny_sd, out, *more):
    return [
        sys.executable, "-m", "gdbench.finetune", "hardneg", "--base", str(tiny_sd), "--data",
        "mini", "--out", str(out), "--cpu", "--steps", "12", "--batch-size", "2", "--scenes", "64",
        "--checkpoint-every", "3", "--validate-every", "0", *more,
    ]  # fmt: skip


@pytest.mark.slow
def test_killed_and_resumed_gives_the_same_bits(tiny_sd, tmp_path):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run(command(tiny_sd, tmp_path / "whole"), check=True, env=environment)
    out = tmp_path / "killed"
    process = subprocess.Popen(command(tiny_sd, out), env=environment)
    deadline = time.monotonic() + 120
    while len(read(out / "log.jsonl")) < 5 and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert 5 <= len(read(out / "log.jsonl")) < 12
    subprocess.run(command(tiny_sd, out), check=True, env=environment)
    assert_same_run(tmp_path / "whole", out)


@pytest.mark.slow
def test_two_processes_equal_one_with_twice_the_accumulation(tiny_sd, tmp_path):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    one, two = tmp_path / "one", tmp_path / "two"
    subprocess.run(command(tiny_sd, one, "--accumulation", "4"), check=True, env=environment)
    launcher = [
        sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port",
        "29617", *command(tiny_sd, two, "--accumulation", "2")[1:],
    ]  # fmt: skip
    subprocess.run(launcher, check=True, env={**environment, "ACCELERATE_USE_CPU": "true"})
    settings = [
        HardNegSettings.model_validate_json((d / "settings.json").read_bytes()) for d in (one, two)
    ]
    assert [s.processes for s in settings] == [1, 2]
    assert settings[0].step_size == settings[1].step_size == 8
    for a, b in zip(curve(one), curve(two), strict=True):
        for name in ("loss", "positive", "negative", "gradient_norm"):
            assert a[name] == pytest.approx(b[name], abs=1e-4), (a["step"], name)
    a, b = load_file(one / WEIGHTS), load_file(two / WEIGHTS)
    for key in a:
        torch.testing.assert_close(a[key], b[key], rtol=0, atol=1e-4)


def test_micro_batches_go_round_the_processes():
    two = [
        list(places(3, m, r, processes=2, accumulation=2, size=5))
        for m in range(2)
        for r in range(2)
    ]
    one = [list(places(3, m, 0, processes=1, accumulation=4, size=5)) for m in range(4)]
    assert two == one
    assert [p for batch in one for p in batch] == list(range(60, 80))


def test_every_example_once_in_an_epoch():
    data = SceneExamples(20)
    asked = []
    data.example = lambda index, negative, rng: asked.append(index)
    sampler = Sampler(data, "none", (1, 2, 2), 0)
    noises = [sampler.at(place).noise for place in range(40)]
    assert sorted(asked[:20]) == sorted(asked[20:]) == list(range(20))
    assert asked[:20] != asked[20:]
    assert len({tuple(n.flatten().tolist()) for n in noises}) == 40


def test_timesteps_and_noise_are_uniform_and_normal():
    data = SceneExamples(4)
    data.example = lambda index, negative, rng: None
    drawn = [Sampler(data, "none", (2, 2, 2), 0).at(place) for place in range(3000)]
    times = torch.tensor([float(d.timestep) for d in drawn])
    assert times.min() < 5
    assert times.max() > 994
    assert abs(float(times.mean()) - 499.5) < 4 * 288.7 / 3000**0.5
    noise = torch.stack([d.noise for d in drawn])
    assert abs(float(noise.mean())) < 4 / noise.numel() ** 0.5
    assert abs(float(noise.std()) - 1) < 0.02


def test_loss_that_is_not_finite_stops_and_keeps_the_last_checkpoint(train, tmp_path):
    out = tmp_path / "run"
    good = {"checkpoint_every": 1, "warmup": 0}
    with pytest.raises(GdbenchError, match=r"at step (\d+) are not finite") as caught:
        train(out, steps=30, learning_rate=1e12, max_grad_norm=1e9, **good)
    message = str(caught.value)
    assert "\n" not in message
    kept = max((out / "checkpoints").iterdir())
    assert str(kept) in message
    pairs = read_lora(kept).pairs
    assert all(
        bool(torch.isfinite(p.up).all() and torch.isfinite(p.down).all()) for p in pairs.values()
    )
    step = int(message.split("at step ")[1].split(maxsplit=1)[0])
    assert len(curve(out)) == step - 1  # no step after the last good one
    assert not (out / "result.json").exists()


def test_memory_that_runs_out_is_one_line_and_no_other_fault_is(train, tmp_path, monkeypatch):
    def set_step(step):
        monkeypatch.setattr(trainer_module.Trainer, "_step", step)

    set_step(lambda trainer: torch.empty(2**60, dtype=torch.uint8))
    with pytest.raises(GdbenchError, match=r"out of memory on cpu with 2 examples .* --batch-size"):
        train(tmp_path / "run")
    monkeypatch.setattr(
        trainer_module.Trainer, "_step", lambda trainer: torch.ones(2) @ torch.ones(3)
    )
    with pytest.raises(RuntimeError, match="inconsistent tensor size"):
        train(tmp_path / "run")


def test_other_settings_need_another_folder(train, tmp_path):
    train(tmp_path / "run", steps=1)
    with pytest.raises(RunMismatchError, match="rank is 4 there and 8 now"):
        train(tmp_path / "run", steps=1, rank=8)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine")
    with pytest.raises(RunMismatchError, match="not empty"):
        train(tmp_path / "full")


def test_a_finished_run_is_not_trained_again(train, tmp_path):
    first = train(tmp_path / "run", steps=2)
    before = (tmp_path / "run" / WEIGHTS).stat().st_mtime_ns
    assert train(tmp_path / "run", steps=2) == first
    assert (tmp_path / "run" / WEIGHTS).stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("sources", "options", "words"),
    [
        ({"root": Path("/nowhere")}, {}, "--root: --data mini does not use it"),
        ({"allow_partial": True}, {}, "--allow-partial: --data mini does not use it"),
        ({"data": "coco", "scenes": 8}, {}, "--scenes: --data coco does not use it"),
        ({}, {"validation_items": 3}, "--validation-items: --validate-every 0 makes none"),
        ({}, {"learning_rate": 1e300}, "--learning-rate 1e.300: input should be less"),
        ({}, {"preset": "krojer2023", "learning_rate": 5}, "--learning-rate 5: --preset krojer20"),
        ({}, {"preset": "krojer2023", "accumulation": 3}, "--accumulation 3: --preset krojer2023"),
    ],
)
def test_what_is_not_used_is_refused(tiny_sd, train, tmp_path, sources, options, words):
    given = Sources(**({"base": str(tiny_sd), "data": "mini"} | sources))
    with pytest.raises(InputError, match=words):
        train(tmp_path / "run", sources=given, **options)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "settings",
    [
        {"gradient_checkpointing": True},
        {"precision": "bf16"},
        {"clip": "batch"},
        {"attention": "cross", "rank": 2, "alpha": 8.0},
        {"negatives": "hard-image", "schedule": "cosine", "warmup": 1},
        {"negatives": "random-text", "schedule": "linear"},
        {"negatives": "hard-text", "accumulation": 2},
    ],
)
def test_every_setting_trains(train, tmp_path, settings):
    train(tmp_path / "run", steps=2, **settings)
    entries = curve(tmp_path / "run")
    assert len(entries) == 2
    assert all(0 < e["positive"] < 10 for e in entries)


def test_mixed_precision_leaves_latents_and_prompts_in_float32(tiny_sd):
    sampler = Sampler(SceneExamples(8), "mixed", (4, 8, 8), 0)
    batch = [sampler.at(place) for place in range(2)]
    kept = []
    for precision in (torch.float32, torch.bfloat16):
        pipeline = load_pipeline(tiny_sd, CPU, precision)
        trainee = Trainee(pipeline, pipeline.network, Encoders(pipeline, DeviceClock(CPU)))
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, precision != torch.float32):
            positive, _ = trainee.errors(batch, negatives=True)
        image, text = batch[0].example.image, batch[0].example.text
        kept.append(
            (
                trainee.encoders.latent(image),
                trainee.encoders.prompts([text])[0].tensors[EMBEDDINGS],
            )
        )
        assert positive.dtype == torch.float32
    assert torch.equal(kept[0][0], kept[1][0])
    assert torch.equal(kept[0][1], kept[1][1])


def test_pictures_in_batches_give_the_losses_of_pictures_one_by_one(train, tmp_path, monkeypatch):
    settings = {"steps": 4, "batch_size": 4, "accumulation": 2, "sources": None}
    train(tmp_path / "one", **settings)
    batches, decoded = [], []
    plain, encode = Encoders.__init__, Encoders._encode_pixels

    def ahead(self, *arguments):
        plain(self, *arguments)
        # as on an accelerator
        self.reads_ahead = True
        read = self._pixels
        self._reading = Reading(lambda image: decoded.append(image.sha256) or read(image))

    monkeypatch.setattr(Encoders, "__init__", ahead)
    monkeypatch.setattr(
        Encoders, "_encode_pixels", lambda self, p: batches.append(len(p)) or encode(self, p)
    )
    train(tmp_path / "many", **settings)
    for one, many in zip(curve(tmp_path / "one"), curve(tmp_path / "many"), strict=True):
        for name in ("positive", "negative", "gradient_norm"):
            assert many[name] == pytest.approx(one[name], rel=1e-4), name
        # what is left of two errors of about one
        assert many["loss"] == pytest.approx(one["loss"], abs=1e-6)
    # 8 micro-batches of 8 pictures at most, and those of the one after the last are decoded only
    assert set(batches) == {8}
    assert len(batches) <= 8
    # what was encoded is kept, and what is on its way is not begun again
    assert len(decoded) == len(set(decoded))


def test_gradient_checkpointing_changes_nothing(train, tmp_path):
    train(tmp_path / "plain", steps=2)
    train(tmp_path / "checkpointed", steps=2, gradient_checkpointing=True)
    for a, b in zip(curve(tmp_path / "plain"), curve(tmp_path / "checkpointed"), strict=True):
        assert a["loss"] == pytest.approx(b["loss"], abs=1e-6)
        assert a["gradient_norm"] == pytest.approx(b["gradient_norm"], rel=1e-4)


def test_learning_rates():
    common = {"base": "x", "base_sha256": "x", "data": "mini", "data_sha256": "x"}
    s = HardNegSettings(**common, steps=110, warmup=10, learning_rate=1.0, schedule="linear")
    assert [s.learning_rate_at(k) for k in (0, 4, 9, 10, 60)] == pytest.approx(
        [0.1, 0.5, 1, 1, 0.5]
    )
    c = s.model_copy(update={"schedule": "cosine"})
    assert [c.learning_rate_at(k) for k in (10, 60)] == pytest.approx([1, 0.5])
    assert s.model_copy(update={"schedule": "constant"}).learning_rate_at(109) == 1.0


def test_bad_usage(train, tmp_path, tiny_sd):
    with pytest.raises(InputError, match="fp16 needs a GPU"):
        train(tmp_path / "a", precision="fp16")
    with pytest.raises(InputError, match="--data coco needs --root"):
        train(tmp_path / "b", sources=Sources(str(tiny_sd), "coco"))
    with pytest.raises(InputError, match="without a LoRA"):
        train(tmp_path / "c", sources=Sources("sd2.1-hardneg", "mini"))
    with pytest.raises(InputError, match="expected a Stable Diffusion model"):
        train(tmp_path / "d", sources=Sources("constant", "mini"))


def test_wandb_is_asked_for_and_missing(train, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    monkeypatch.setattr(trainer_module, "Journal", _with_wandb(trainer_module.Journal))
    with pytest.raises(MissingExtraError, match="pip install"):
        train(tmp_path / "run")


def _with_wandb(journal):
    return lambda out, step, settings, project: journal(out, step, settings, "project")


def test_tensorboard_has_the_curve(train, tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    train(tmp_path / "run", steps=3)
    events = accumulator.EventAccumulator(str(tmp_path / "run" / "tensorboard"))
    events.Reload()
    found = [(e.step, e.value) for e in events.Scalars("train/loss")]
    expected = [(e["step"], e["loss"]) for e in curve(tmp_path / "run")]
    assert [s for s, _ in found] == [s for s, _ in expected]
    assert [v for _, v in found] == pytest.approx([v for _, v in expected])


def test_checkpoints_are_few_and_hold_no_pickle(train, tmp_path):
    train(tmp_path / "run", steps=7, checkpoint_every=1)
    kept = sorted(p.name for p in (tmp_path / "run" / "checkpoints").iterdir())
    assert kept == ["step-00000006", "step-00000007"]
    suffixes = {p.suffix for p in (tmp_path / "run").rglob("*") if p.is_file()}
    assert not suffixes & {".bin", ".pt", ".pkl"}


def test_epochs_are_times_through_the_data():
    assert Length(epochs=8).of(examples=100, step_size=16) == 50
    assert Length(epochs=1).of(examples=17, step_size=16) == 2
    assert Length(steps=7).of(100, 16) == 7
    with pytest.raises(InputError, match="--steps and --epochs: give one of the two"):
        Length(steps=7, epochs=1).of(100, 16)


def test_the_papers_settings(train, tmp_path):
    train(tmp_path / "run", preset="krojer2023", length=Length(steps=1), batch_size=8, steps=None)
    written = HardNegSettings(**json.loads((tmp_path / "run" / "settings.json").read_text()))
    assert written.step_size == 112
    assert (written.clip, written.accumulation, written.steps) == ("batch", 14, 1)
    with pytest.raises(InputError, match="steps of 112 examples are no multiple of 5"):
        train(tmp_path / "other", preset="krojer2023", batch_size=5, steps=None)
