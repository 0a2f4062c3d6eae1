import logging
import re
import weakref
from dataclasses import replace

import numpy as np
import pytest
import torch

from gdbench import memory
from gdbench.data.images import MemoryImage
from gdbench.errors import GdbenchError, InputError, ModelOutputError
from gdbench.memory import is_out_of_memory
from gdbench.protocol import Item, Query
from tests.models.diffusion_itm.conftest import mixed_items
from tests.models.diffusion_itm.tiny import picture


def logged(scores):
    parts = [part for s in scores for part in (s.errors, s.unconditional_errors)]
    return np.concatenate([part.ravel() for part in parts if part is not None])


@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_errors_do_not_depend_on_the_batch_size(load, items, batch_size):
    reference = logged(load(batch_size=16).score_items(items))
    found = logged(load(batch_size=batch_size).score_items(items))
    np.testing.assert_allclose(found, reference, rtol=1e-5)


def test_what_shares_a_batch_changes_no_bit(load, items):
    together = list(load().score_items(items))
    for start in (1, 4):
        part = list(load().score_items(items[start:]))
        np.testing.assert_array_equal(logged(part), logged(together[start:]))
        for one, other in zip(part, together[start:], strict=True):
            np.testing.assert_array_equal(one.matrix, other.matrix)


def test_results_come_in_order_and_reading_ahead_is_bounded(load):
    taken = []

    def source():
        for item in mixed_items(12):
            taken.append(item.id)
            yield item

    model = load(samples=1)
    for done, scores in enumerate(model.score_items(source()), 1):
        assert scores.item_id == taken[done - 1]
        assert len(taken) - done <= 5


def test_each_thing_is_computed_once(load, items):
    model = load()
    list(model.score_items(items))
    pictures = {i.sha256 for item in items for i in item.images}
    texts = {t for item in items for t in item.texts}
    pairs = sum(len(item.images) * len(item.texts) for item in items)
    assert model.encoders.latents_made == len(pictures)
    assert model.encoders.prompts_made == len(texts) + 1  # and the empty prompt
    assert model.unet_evaluations == 3 * (pairs + len(pictures))
    assert 0 <= model.batcher.padding < model.batcher.size
    list(model.score_items(items))  # a second task with the same pictures
    assert model.encoders.latents_made == len(pictures)
    assert model.unet_evaluations == 3 * (2 * pairs + len(pictures))


def test_equal_texts_and_equal_pictures_tie_exactly(load):
    one, other = MemoryImage(picture(1)), MemoryImage(picture(2))
    item = Item("a", (one, other, one), ("x", "yy", "x"), Query.MATCHING, (0, 1, 2), "")
    (scores,) = load(batch_size=4).score_items([item])
    np.testing.assert_array_equal(scores.matrix[0], scores.matrix[2])
    np.testing.assert_array_equal(scores.matrix[:, 0], scores.matrix[:, 2])
    assert len(np.unique(scores.matrix)) == 4


class Failing:
    """A denoiser that fails where it is told to."""

    def __init__(self, real, fails):
        self.real, self.fails, self.calls, self.prediction = real, fails, 0, real.prediction

    def errors(self, latents, noise, timesteps, conditions, owner=None):
        self.calls += 1
        error = self.fails(self.calls, len(owner))
        if error is not None:
            raise error
        return self.real.errors(latents, noise, timesteps, conditions, owner)


def test_running_out_of_memory_halves_the_batch_and_loses_nothing(load, items, caplog):
    whole = load(batch_size=16)
    reference = logged(whole.score_items(items))
    model = load(batch_size=16)

    def too_large(call, size):
        full = call > 2 and size > 4
        return torch.OutOfMemoryError("CUDA out of memory. Tried to allocate") if full else None

    model.batcher.denoiser = Failing(model.denoiser, too_large)
    with caplog.at_level(logging.WARNING):
        found = logged(model.score_items(items))
    np.testing.assert_allclose(found, reference, rtol=1e-5)
    assert model.batcher.size == 4
    assert model.batcher.out_of_memory == 2
    assert model.unet_evaluations == whole.unet_evaluations
    assert "going on with 4" in caplog.text


def test_the_failed_batch_is_dead_before_the_cache_is_emptied(load, items, monkeypatch):
    model = load(batch_size=4)
    dead = []

    class Full:
        """A denoiser that fills the memory in its first call."""

        prediction = model.denoiser.prediction

        def errors(self, latents, noise, *rest):
            made = latents * 2
            self.batch = [weakref.ref(made), weakref.ref(latents), weakref.ref(noise)]
            model.batcher.denoiser = model.denoiser
            raise torch.OutOfMemoryError("CUDA out of memory")

    full = Full()
    model.batcher.denoiser = full
    monkeypatch.setattr(
        memory, "give_back", lambda device: dead.extend(ref() is None for ref in full.batch)
    )
    reference = logged(load(batch_size=4).score_items(items))
    np.testing.assert_allclose(logged(model.score_items(items)), reference, rtol=1e-5)
    assert dead == [True, True, True]
    assert model.batcher.size == 2


@pytest.mark.parametrize("part", ["vae", "text_encoder"])
def test_an_encoder_without_memory_is_tried_again_and_then_one_line(load, items, part):
    model = load()
    reference = logged(load().score_items(items))
    network = model.pipeline.modules[part]
    name = "encode" if part == "vae" else "forward"
    real, failures = getattr(network, name), []

    def full(*arguments, **options):
        if len(failures) < most:
            failures.append(1)
            raise RuntimeError("CUDNN_STATUS_ALLOC_FAILED")
        return real(*arguments, **options)

    setattr(network, name, full)
    try:
        most = 10**6
        with pytest.raises(GdbenchError, match="out of memory on cpu with a batch of one of"):
            list(model.score_items(items))
        if part == "vae":
            failures.clear()
            most = 1
            np.testing.assert_array_equal(logged(model.score_items(items)), reference)
            assert failures == [1]
        else:
            # eight at once, as on an accelerator: half of them fit
            failures.clear()
            most, model.encoders._at_once = 1, 8
            np.testing.assert_allclose(logged(model.score_items(items)), reference, rtol=1e-5)
            assert model.encoders._at_once == 4
    finally:
        delattr(network, name) if name in vars(network) else None


@pytest.mark.parametrize(
    "text",
    [
        "[enforce fail at alloc_cpu.cpp:117] . DefaultCPUAllocator: can't allocate memory",
        "[enforce fail at alloc_cpu.cpp:117] . DefaultCPUAllocator: not enough memory: you tried",
        "CUDA error: out of memory",
        "HIP out of memory. Tried to allocate",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
        "Unable to find an engine to execute this computation",
        "Invalid buffer size: 48.00 GiB",
        "MPS backend out of memory (MPS allocated: 8 GB)",
        "std::bad_alloc",
    ],
)
def test_what_devices_say_when_memory_ends(text):
    assert is_out_of_memory(RuntimeError(text))
    assert not is_out_of_memory(ValueError(text))


def test_a_real_allocation_that_fails_is_recognised():
    with pytest.raises(RuntimeError) as raised:
        torch.empty(10**16)
    assert is_out_of_memory(raised.value)


def test_a_batch_size_that_no_memory_holds_is_lowered(load, items, caplog):
    reference = logged(load(batch_size=16).score_items(items))
    model = load(batch_size=999_999_999)
    with caplog.at_level(logging.WARNING):
        found = logged(model.score_items(items))
    np.testing.assert_allclose(found, reference, rtol=1e-5)
    assert model.batcher.size <= memory.MOST_BATCH
    assert "--batch-size 999999999 is more than fits or helps" in caplog.text
    # no more rows than twice what there is to do
    assert model.batcher.padding <= max(model.unet_evaluations, 128)


def test_a_batch_of_one_that_does_not_fit_is_one_clear_line(load, items):
    model = load()
    model.batcher.denoiser = Failing(model.denoiser, lambda *_: torch.OutOfMemoryError("no"))
    with pytest.raises(GdbenchError, match="out of memory on cpu with a batch of one"):
        list(model.score_items(items))


def test_other_failures_are_not_mistaken_for_memory(load, items):
    model = load()
    broken = Failing(model.denoiser, lambda *_: RuntimeError("mat1 and mat2 shapes"))
    model.batcher.denoiser = broken
    with pytest.raises(RuntimeError, match="shapes"):
        list(model.score_items(items))
    assert broken.calls == 1
    assert is_out_of_memory(
        RuntimeError("[enforce fail] . DefaultCPUAllocator: can't allocate memory")
    )


def test_a_failed_run_leaves_nothing_half_done(load, items):
    model = load()
    real = model.denoiser
    model.batcher.denoiser = Failing(
        real, lambda call, _: RuntimeError("no") if call == 3 else None
    )
    with pytest.raises(RuntimeError, match="no"):
        list(model.score_items(items))
    model.batcher.denoiser = real
    np.testing.assert_array_equal(
        logged(model.score_items(items)), logged(load().score_items(items))
    )


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("vae", "item t0: the VAE's latent is not finite; its weights"),
        ("text_encoder", "item t0: a text encoder's numbers for 'red 0' are not finite; its"),
        ("unet", "item t0: the network's error at timestep 10 is nan in bfloat16; try --dtype fl"),
    ],
)
def test_who_made_a_number_that_is_none_is_said(load, items, part, said):
    model = load(dtype="bfloat16")
    next(model.pipeline.modules[part].parameters()).fill_(torch.nan)
    with pytest.raises(ModelOutputError, match=re.escape(said)):
        list(model.score_items(items))


def test_text_encoders_travel_once_for_many_items(load, items):
    model, reference = load(offload=True), load()
    moves = []
    encoder = model.pipeline.modules["text_encoder"]
    real = encoder.to
    encoder.to = lambda device: moves.append(str(device)) or real(device)
    found = logged(model.score_items(items))
    # pictures are encoded in batches then
    np.testing.assert_allclose(found, logged(reference.score_items(items)), rtol=1e-5)
    assert moves == ["cpu", "cpu"]  # there and back, once
    assert model.encoders.prompts_made == reference.encoders.prompts_made


def test_an_empty_text_is_refused(load):
    item = Item("q", (MemoryImage(picture(1)),), ("a", " "), Query.TEXT_RETRIEVAL, (0,), "")
    with pytest.raises(InputError, match="item q: text 1 is empty"):
        list(load().score_items([item]))


def test_texts_that_are_cut_are_counted(load):
    texts = ("short", "far too long for sixteen positions", "e" * 14, "e" * 15)
    item = Item("q", (MemoryImage(picture(1)),), texts, Query.TEXT_RETRIEVAL, (0,), "")
    (scores,) = load(samples=1).score_items([item])
    assert scores.truncated_texts == 2


def test_a_run_finds_its_latents_and_unconditional_errors_on_disk(load, items, tmp_path):
    first = load(cache_dir=tmp_path)
    reference = logged(first.score_items(items))
    second = load(cache_dir=tmp_path)
    np.testing.assert_array_equal(logged(second.score_items(items)), reference)
    assert second.encoders.latents_made == 0
    assert second.unet_evaluations == first.unet_evaluations - 3 * first.encoders.latents_made
    other = load(cache_dir=tmp_path, seed=1)  # other noise: latents are shared, errors are not
    np.testing.assert_array_equal(
        logged(other.score_items(items)), logged(load(seed=1).score_items(items))
    )
    assert other.encoders.latents_made == 0
    assert other.unet_evaluations == first.unet_evaluations


def test_damaged_cache_files_are_made_anew(load, items, tmp_path):
    reference = logged(load(cache_dir=tmp_path).score_items(items))
    for number, path in enumerate(sorted(tmp_path.rglob("*.npy"))):
        path.write_bytes(path.read_bytes()[: 40 * (number % 3)])
    np.testing.assert_array_equal(logged(load(cache_dir=tmp_path).score_items(items)), reference)


def ahead(model):
    """A model that reads ahead, as on an accelerator."""
    model.encoders.reads_ahead = True
    return model


def test_reading_ahead_changes_nothing_and_fills_the_encoders_batches(load):
    items = list(mixed_items(6))
    model, reference = ahead(load()), load()
    batches = []
    real = model.pipeline.latents
    model.pipeline.latents = lambda pixels: batches.append(len(pixels)) or real(pixels)
    found = logged(model.score_items(items))
    np.testing.assert_allclose(found, logged(reference.score_items(items)), rtol=1e-5)
    pictures = {i.sha256 for item in items for i in item.images}
    assert batches == [8]  # eight pictures, all at once
    assert model.encoders.latents_made == len(pictures) == 8


def test_a_picture_that_cannot_be_read_is_said_when_reading_ahead(load, items):
    class Broken:
        sha256 = "b" * 64

        def open(self):
            raise InputError("no picture")

    whole = [*items[:3], replace(items[3], id="bad", images=(Broken(),)), *items[4:]]
    with pytest.raises(InputError, match="no picture"):
        list(ahead(load()).score_items(whole))


def test_what_is_done_is_not_read_again(load, items):
    known = list(load().score_items(items))
    model = ahead(load())
    list(model.continue_items(zip(items, known, strict=True)))
    assert model.encoders.latents_made == model.encoders.prompts_made == 0


def test_a_compiled_network_sees_one_size_and_compiling_is_no_device_time(load, items):
    sizes = []
    model = load(batch_size=32)
    model.batcher.compiled = True
    real = model.denoiser.errors

    def errors(latents, *rest):
        sizes.append(len(rest[3]))
        return real(latents, *rest)

    model.denoiser.errors = errors
    (scores,) = model.score_items(items[:1])
    # once to compile, once for the result
    assert sizes == [32, 32]
    (plain,) = load(batch_size=32).score_items(items[:1])
    np.testing.assert_allclose(scores.errors, plain.errors, rtol=1e-5)


def test_a_caption_with_the_tokenizers_own_signs_is_counted(load, caplog):
    texts = ("red<|endoftext|> dog", "wow!", "a dog")
    item = Item("s", (MemoryImage(picture(1)),), texts, Query.TEXT_RETRIEVAL, (0,), "")
    with caplog.at_level(logging.WARNING):
        (scores,) = load().score_items([item])
    assert scores.truncated_texts == 1
    assert "holds the tokenizer's own special tokens" in caplog.text


@pytest.mark.parametrize("stop", ["none", "sequential"])
def test_a_batch_is_made_ready_while_one_runs_and_no_bit_changes(load, stop):
    items = list(mixed_items(2))
    options = {"samples": 12, "stop": stop, "batch_size": 8}
    model, reference = ahead(load(**options)), ahead(load(**options))
    model.engine.in_flight = 2
    order = []
    start, finish = model.batcher.start, model.batcher.finish
    model.batcher.start = lambda e: order.append("start") or start(e)
    model.batcher.finish = lambda r: order.append("finish") or finish(r)
    found = logged(model.score_items(items))
    np.testing.assert_array_equal(found, logged(reference.score_items(items)))
    assert model.unet_evaluations == reference.unet_evaluations
    running = np.cumsum([1 if what == "start" else -1 for what in order])
    # nearly always one runs while the next is made ready
    assert running.max() == 2
    assert (running == 0).sum() <= len(running) / 5
    # no more padding than without: a batch that is not full waits for what runs
    assert model.batcher.padding <= reference.batcher.padding + 8


def test_memory_that_ends_with_two_batches_in_flight_loses_nothing(load, items):
    reference = logged(load(batch_size=8).score_items(items))
    model = load(batch_size=8)
    model.engine.in_flight = 2
    model.batcher.denoiser = Failing(
        model.denoiser,
        lambda call, size: torch.OutOfMemoryError("no") if call > 2 and size > 2 else None,
    )
    np.testing.assert_allclose(logged(model.score_items(items)), reference, rtol=1e-5)
    assert model.batcher.size == 2


def test_what_a_network_is_said_to_predict_has_errors_of_its_own_on_disk(load, items, tmp_path):
    list(load(cache_dir=tmp_path).score_items(items))
    other = load(cache_dir=tmp_path, prediction="v_prediction")
    np.testing.assert_array_equal(
        logged(other.score_items(items)), logged(load(prediction="v_prediction").score_items(items))
    )
