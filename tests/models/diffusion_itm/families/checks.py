"""What every family has to hold, against the pipeline's own call."""

import json
import shutil
from collections import Counter

import numpy as np
import pytest
import torch

from gdbench.data.images import MemoryImage
from gdbench.errors import InputError
from gdbench.models.diffusion_itm.adapter import DiffusionITM
from gdbench.models.diffusion_itm.conditioning import stacked
from gdbench.models.diffusion_itm.families import family_of, lengths
from gdbench.protocol import Item, Query
from gdbench.records import ModelSettings
from tests.models.diffusion_itm.tiny import picture

CPU = torch.device("cpu")
TOLERANCE = 1e-5  # relative, of a whole prediction
TEXT = "a red circle left of the blue square"
SHORT, LONG = "a dog", "the two blue dog on the grass left of a red square " * 3


def loaded(folder, dtype=torch.float32, **settings):
    """The pipeline of a folder as the engine sees it."""
    return family_of(folder).load(folder, CPU, dtype, ModelSettings(**settings))


def flat(value):
    """The tensors and numbers of a network's arguments in order."""
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return [torch.tensor(value)]
    if isinstance(value, dict):
        return [t for key in sorted(value) for t in flat(value[key])]
    if isinstance(value, list | tuple):
        return [t for inner in value for t in flat(inner)]
    return []


class Recorder:
    """Arguments and outputs of a network's calls."""

    def __init__(self, network):
        self.calls = []
        network.register_forward_pre_hook(self._before, with_kwargs=True)
        network.register_forward_hook(self._after, with_kwargs=True)

    def _before(self, module, arguments, named):
        self.calls.append([arguments, named, None])

    def _after(self, module, arguments, named, output):
        self.calls[-1][2] = output


def check_parity(pipe, folder, *, network, latent_of, time_of, sign=1.0, settings=None, **call):
    """The pipeline's own call and ours give the network the same, and read the same from it.

    Args:
        pipe: the pipeline; it generates from `TEXT` in two steps.
        folder: where it was saved.
        network: name of its network.
        latent_of: from the first tensor that the network received to a latent (1, C, h, w).
        time_of: from the scheduler and the step's number to `times` of `predict`.
        sign: by which the pipeline multiplies what the network returns.
        settings: of ours.
        **call: further arguments of the pipeline.
    """
    theirs = Recorder(getattr(pipe, network))
    pipe.set_progress_bar_config(disable=True)
    with torch.no_grad():
        pipe(prompt=TEXT, num_inference_steps=2, output_type="latent",
             generator=torch.Generator().manual_seed(1), **call)  # fmt: skip
    mine = loaded(folder, **settings or {})
    ours = Recorder(mine.network)
    prompt = stacked(mine.condition([TEXT]))
    for step, (arguments, named, output) in enumerate(theirs.calls):
        received = flat([list(arguments), named])
        x = latent_of(first_of(arguments, named))
        with torch.no_grad():
            predicted = mine.predict(x, time_of(pipe.scheduler, step), prompt)
        given = ours.calls[-1]
        again = flat([list(given[0]), given[1]])
        assert len(again) == len(received)
        for a, b in zip(again, received, strict=True):
            torch.testing.assert_close(
                a.squeeze().float(), b.squeeze().float(), rtol=1e-5, atol=1e-6
            )
        whole = latent_of(flat(output)[0] if not isinstance(output, torch.Tensor) else output)
        expected = sign * whole[:, : predicted.shape[1]]
        assert float((predicted - expected).norm() / expected.norm()) < TOLERANCE
    return mine


def first_of(arguments, named):
    """The noised latents among a network's arguments."""
    if arguments:
        return flat(arguments[0])[0]
    return flat(named["hidden_states"] if "hidden_states" in named else named["sample"])[0]


def check_batches(pipeline):
    """A text's prediction depends neither on what shares the batch nor on the encoder's batch."""
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(1, *pipeline.latent_shape, generator=generator)
    times = torch.tensor([0.4 if pipeline.noising.prediction == "flow" else 400])
    alone = pipeline.condition([SHORT])[0]
    beside = pipeline.condition([SHORT, LONG])[0]
    for name, tensor in alone.tensors.items():
        torch.testing.assert_close(beside.tensors[name], tensor, rtol=1e-5, atol=1e-5)
    with torch.no_grad():
        single = pipeline.predict(x, times, stacked([alone]))
        prompts = pipeline.condition([SHORT, LONG, TEXT])
        same = [p for p in prompts if p.shapes == alone.shapes]
        many = pipeline.predict(
            x.expand(len(same), -1, -1, -1).contiguous(), times.expand(len(same)), stacked(same)
        )
    torch.testing.assert_close(many[:1], single, rtol=1e-5, atol=1e-5)
    assert float((many[-1] - many[0]).abs().max()) > 1e-4 or len(same) == 1


def check_lengths(folder, monkeypatch, **options):
    """A text is read at its own length, whatever it is padded to and whatever shares the batch."""
    texts = ["a", SHORT, "two dogs", TEXT, LONG]
    pipeline = loaded(folder, **options)
    flow = pipeline.noising.prediction == "flow"
    x = torch.randn(1, *pipeline.latent_shape, generator=torch.Generator().manual_seed(2))
    times = torch.tensor([0.4 if flow else 400])
    rows = pipeline.condition(texts)
    with monkeypatch.context() as patched, torch.no_grad():
        patched.setattr(lengths, "STEP", 1)
        bare = pipeline.condition(texts)
        assert not any("mask" in row.tensors for row in bare)
        alone = [pipeline.predict(x, times, stacked([row])) for row in bare]
    assert len({row.shapes for row in rows}) < len({row.shapes for row in bare})
    for shapes in {row.shapes for row in rows}:
        same = [number for number, row in enumerate(rows) if row.shapes == shapes]
        with torch.no_grad():
            many = pipeline.predict(
                x.expand(len(same), -1, -1, -1).contiguous(),
                times.expand(len(same)),
                stacked([rows[number] for number in same]),
            )
        for number, found in zip(same, many, strict=True):
            gap = (found - alone[number][0]).norm() / alone[number].norm()
            assert float(gap) < TOLERANCE
    check_full_batches(folder, texts, **options)


def check_full_batches(folder, texts, size=4, **options):
    """Batches are filled by shape: as few as there can be."""
    model = DiffusionITM.from_pretrained(
        folder, samples=3, device="cpu", batch_size=size, **options
    )
    calls = Counter()
    predict = model.pipeline.predict

    def counted(x, times, conditions):
        calls[tuple((n, tuple(t.shape[1:])) for n, t in sorted(conditions.items()))] += 1
        assert len(x) == size
        return predict(x, times, conditions)

    model.pipeline.predict = counted
    pictures = [MemoryImage(picture(number)) for number in (1, 2)]
    list(
        model.score_items(
            Item(f"{n}", (image,), tuple(texts), Query.TEXT_RETRIEVAL, (0,), f"{n}")
            for n, image in enumerate(pictures)
        )
    )
    rows = Counter(row.shapes for row in model.pipeline.condition(texts))
    assert calls == {shapes: -(-n * 3 * len(pictures) // size) for shapes, n in rows.items()}


def check_schedule(pipe, pipeline, **call):
    """Noise levels are those of the pipeline's own schedule of 1000 steps, and mix as it mixes."""

    hook = pipe.transformer.register_forward_hook(lambda *_: setattr(pipe, "_interrupt", True))
    pipe.set_progress_bar_config(disable=True)
    with torch.no_grad():
        pipe(prompt=TEXT, num_inference_steps=1000, output_type="latent", **call)
    hook.remove()
    levels = pipe.scheduler.sigmas[1:-1].flip(0)
    torch.testing.assert_close(pipeline.noising.levels[1:], levels)
    latent, noise = torch.randn(
        2, 1, *pipeline.latent_shape, generator=torch.Generator().manual_seed(0)
    )
    # as a scheduler that no pipeline has begun with
    pipe.scheduler.set_begin_index(None)
    for t in (20, 500, 900):
        when = pipe.scheduler.timesteps[1000 - t][None]
        expected = pipe.scheduler.scale_noise(latent, when, noise)
        found = pipeline.denoiser.noised(latent, noise, torch.tensor([t]))
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


def check_missing_part(folder, tmp_path, part, layout):
    """A part that is not there is named in one line."""
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    shutil.rmtree(copy / part)
    with pytest.raises(InputError, match=f"{part}.* is missing; expected {layout}"):
        loaded(copy)


def check_another_class(folder, tmp_path, part, name="config.json", **config):
    """A part of another class, or of another kind, is refused; the message is given back."""
    copy = changed(folder, tmp_path / "other", part, name, **config)
    with pytest.raises(InputError) as caught:
        loaded(copy)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def items():
    """Two items that share a picture and a text."""
    a, b = MemoryImage(picture(1)), MemoryImage(picture(2))
    return [
        Item("t", (a,), (TEXT, SHORT, LONG), Query.TEXT_RETRIEVAL, (0,), "t"),
        Item("m", (a, b), (TEXT, SHORT), Query.MATCHING, (0, 1), "m"),
    ]


def scores_of(folder, **options):
    """Errors of `items` with two timesteps."""
    chosen = {"samples": 2, "device": "cpu", "batch_size": 4} | options
    model = DiffusionITM.from_pretrained(folder, **chosen)
    return model, list(model.score_items(items()))


def check_scores(folder, **options):
    """Errors are those of the definition, whatever the batch; half precision is finite."""
    model, scores = scores_of(folder, **options)
    _, alone = scores_of(folder, **options | {"batch_size": 1})
    for a, b in zip(scores, alone, strict=True):
        np.testing.assert_allclose(a.errors, b.errors, rtol=1e-5)
    pipeline = model.pipeline
    latent = model.encoders.latent(items()[0].images[0])
    (prompt,) = pipeline.condition([TEXT])
    for k, t in enumerate(model.timesteps):
        noise = model.noise.noise(k, t)
        if pipeline.noising.prediction == "flow":
            w = pipeline.noising.levels[t]
            x, target, factor = (1 - w) * latent + w * noise, noise - latent, 1 - w
            time = w[None]
        else:
            alpha = pipeline.noising.alphas_cumprod[t]
            x = alpha.sqrt() * latent + (1 - alpha).sqrt() * noise
            target, factor, time = noise, 1.0, torch.tensor([t])
            if pipeline.noising.prediction == "v_prediction":
                target, factor = alpha.sqrt() * noise - (1 - alpha).sqrt() * latent, alpha.sqrt()
        with torch.no_grad():
            predicted = pipeline.predict(x[None], time, stacked([prompt]))[0]
        expected = float(factor * (target - predicted).norm())
        np.testing.assert_allclose(scores[0].errors[0, 0, k], expected, rtol=1e-4)
    half, rough = scores_of(folder, **options | {"dtype": "bfloat16"})
    assert half.settings.dtype == "bfloat16"
    assert all(np.isfinite(s.errors).all() for s in rough)
    return model


def check_true_prediction(folder, monkeypatch, **options):
    """A network that returns the truth has error 0."""
    model = DiffusionITM.from_pretrained(folder, samples=2, device="cpu", **options)
    latent = model.encoders.latent(items()[0].images[0])
    pipeline = model.pipeline
    for k, t in enumerate(model.timesteps):
        noise, when = model.noise.noise(k, t)[None], torch.tensor([t])
        target, _ = model.denoiser.target(latent[None], noise, when)
        model.denoiser.network = lambda *_, target=target: target
        (prompt,) = pipeline.condition([TEXT])
        error = model.denoiser.errors(latent[None], noise, when, stacked([prompt]))
        assert float(error) == 0.0


def check_mask(pipeline):
    """Errors change where padding is taken for text: the network does read the mask."""
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(1, *pipeline.latent_shape, generator=generator)
    times = torch.tensor([0.4 if pipeline.noising.prediction == "flow" else 400])
    prompt = stacked(pipeline.condition([SHORT]))
    masks = [name for name, tensor in prompt.items() if not tensor.is_floating_point()]
    assert masks
    with torch.no_grad():
        predicted = pipeline.predict(x, times, prompt)
        for name in masks:
            assert not prompt[name].all()
            unmasked = prompt | {name: torch.ones_like(prompt[name])}
            other = pipeline.predict(x, times, unmasked)
            assert float((other - predicted).norm() / predicted.norm()) > 1e-4


def check_noising(pipeline, scheduler):
    """Noised latents are those of the scheduler's own `add_noise`, of a process with alphas."""
    latent, noise = torch.randn(
        2, 3, *pipeline.latent_shape, generator=torch.Generator().manual_seed(0)
    )
    scheduler.set_timesteps(10)
    timesteps = scheduler.timesteps[[1, 5, 9]].long()
    expected = scheduler.add_noise(latent, noise, timesteps)
    torch.testing.assert_close(
        pipeline.denoiser.noised(latent, noise, timesteps), expected, rtol=1e-5, atol=1e-6
    )


def check_levels(pipeline, scheduler):
    """Noised latents are those of the scheduler of a flow at its own steps, on our grid."""
    steps = (900, 500, 20)
    scheduler.set_timesteps(sigmas=[t / 1000 for t in steps])
    latent, noise = torch.randn(
        2, 1, *pipeline.latent_shape, generator=torch.Generator().manual_seed(0)
    )
    for step, t in enumerate(steps):
        expected = scheduler.scale_noise(latent, scheduler.timesteps[step][None], noise)
        noised = pipeline.denoiser.noised(latent, noise, torch.tensor([t]))
        torch.testing.assert_close(noised, expected, rtol=1e-5, atol=1e-6)


def changed(folder, to, part, name, **changes):
    """A copy of a pipeline's folder with a changed JSON file."""
    shutil.copytree(folder, to)
    path = to / part / name
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return to


def check_refusals(folder, tmp_path, *, foreign):
    """One clear line for a missing part, a foreign class and a foreign prediction."""
    part = family_of(folder).network_part
    shutil.copytree(folder, tmp_path / "missing")
    shutil.rmtree(tmp_path / "missing" / "text_encoder")
    changed(folder, tmp_path / "class", part, "config.json", _class_name="OtherModel")
    changed(
        folder, tmp_path / "prediction", "scheduler", "scheduler_config.json",
        _class_name="DDPMScheduler", prediction_type=foreign,
    )  # fmt: skip
    for broken, line in (
        ("missing", "text_encoder/config.json is missing"),
        ("class", f"{part}/config.json names OtherModel; expected"),
        ("prediction", "prediction_type '.*'; the family"),
    ):
        with pytest.raises(InputError, match=line) as caught:
            loaded(tmp_path / broken)
        assert "\n" not in str(caught.value)
