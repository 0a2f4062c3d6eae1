"""Every family on a GPU that is not here: fake tensors run every operation without its numbers."""

from dataclasses import fields, replace

import pytest
import torch
from packaging.version import Version
from torch._subclasses.fake_tensor import (
    DataDependentOutputException,
    DynamicOutputShapeException,
    FakeTensorMode,
)

from benchmarks.copies import peak_of, unet_of_sd21
from benchmarks.device_bytes import PeakBytes
from gdbench.models.diffusion_itm.conditioning import stacked
from gdbench.models.diffusion_itm.denoiser import Denoiser
from gdbench.models.diffusion_itm.families import lengths
from gdbench.models.diffusion_itm.families.channels_last import keep_channels_last
from gdbench.models.diffusion_itm.stem import StemUNet
from tests.models.diffusion_itm.families import every, test_flux, test_hunyuan_image, test_sd3
from tests.models.diffusion_itm.families.checks import SHORT, flat, loaded

GPU = torch.device("cuda:1")
READ_BACK = (
    "Lumina2Pipeline", "HiDreamImagePipeline", "HunyuanImagePipeline",
    "HunyuanImagePipeline, distilled", "QwenImage21Pipeline",
)  # fmt: skip
"""Their networks read lengths and experts back to the host: there are none without numbers."""
VARIANTS = {
    "FluxPipeline, schnell": lambda: test_flux.make(guided=False),
    "StableDiffusion3Pipeline, without T5": lambda: test_sd3.make(t5=False),
    "HunyuanImagePipeline, distilled": lambda: test_hunyuan_image.make(guided=True),
}
MAKERS = every.MAKERS | VARIANTS
FAKEABLE = pytest.mark.parametrize(
    "on_fake_gpu", sorted(set(MAKERS) - set(READ_BACK)), indirect=True
)


def need_fake_gpu():
    """torch 2.7 asks the driver of a GPU even where tensors are fake; 2.15 must not."""
    try:
        with FakeTensorMode():
            torch.zeros(2, 3, device=GPU).T.contiguous()
    except RuntimeError as error:
        if Version(torch.__version__) >= Version("2.15"):
            raise
        said = str(error).splitlines()[0]
        pytest.skip(f"not run: torch {torch.__version__} has no fake GPU without a driver ({said})")


class OnFakeGPU:
    """A pipeline in float16 whose network and VAE lie on a fake GPU; for within `mode`."""

    def __init__(self, name, folder, mode):
        every.save(MAKERS[name](), folder)
        settings = every.SETTINGS.get(name.partition(",")[0], {})
        self.pipeline = loaded(folder, torch.float16, **settings)
        with pytest.MonkeyPatch.context() as patched:
            if name == "ZImagePipeline":
                # without padding, whose length is a number too
                patched.setattr(lengths, "STEP", 1)
            self.prompt = stacked(self.pipeline.condition([SHORT]))
        self.mode = mode

    def move(self):
        """Everything to the device."""
        for module in (self.pipeline.network, self.pipeline.vae):
            for part in module.modules():
                for tensors in (part._parameters, part._buffers):
                    for name, tensor in tensors.items():
                        if tensor is not None:
                            tensors[name] = self.moved(tensor)
                # tables that are neither
                for name, value in list(vars(part).items()):
                    if isinstance(value, torch.Tensor):
                        setattr(part, name, self.moved(value))
        self.prompt = {name: self.moved(tensor) for name, tensor in self.prompt.items()}
        self.pipeline.device = GPU
        noising = self.pipeline.noising
        tables = {f.name: getattr(noising, f.name) for f in fields(noising)}
        on_gpu = {n: self.moved(t) for n, t in tables.items() if isinstance(t, torch.Tensor)}
        self.denoiser = Denoiser(
            replace(noising, **on_gpu), self.pipeline.forward, self.pipeline.dtype
        )

    def moved(self, tensor):
        """A fake copy."""
        return self.mode.from_tensor(tensor).to(GPU)

    def errors(self, owner):
        """Of as many prompts as owners."""
        images = max(owner) + 1
        latents = torch.zeros(images, *self.pipeline.latent_shape, device=GPU)
        return self.denoiser.errors(
            latents,
            torch.randn_like(latents),
            torch.full((images,), 500, device=GPU),
            {name: torch.cat([tensor] * len(owner)) for name, tensor in self.prompt.items()},
            torch.tensor(owner, device=GPU),
        )


@pytest.fixture(scope="module")
def on_fake_gpu(request, tmp_path_factory):
    need_fake_gpu()
    made = OnFakeGPU(request.param, tmp_path_factory.mktemp("pipeline"), FakeTensorMode())
    with made.mode:
        made.move()
    return made


@FAKEABLE
def test_nothing_mixes_devices_or_precisions(on_fake_gpu):
    pipeline, dtypes = on_fake_gpu.pipeline, []
    # of every part: the shared stem of a U-Net does not go through the whole
    for module in pipeline.network.modules():
        module.register_forward_pre_hook(
            lambda _, arguments, named: dtypes.extend(
                t.dtype for t in flat([list(arguments), named]) if t.is_floating_point()
            ),
            with_kwargs=True,
        )
    with on_fake_gpu.mode:
        latents = pipeline.latents(
            torch.zeros(2, 3, pipeline.resolution, pipeline.resolution, device=GPU)
        )
        errors = on_fake_gpu.errors([0, 1, 1])
    assert (latents.shape, latents.dtype) == ((2, *pipeline.latent_shape), torch.float32)
    assert (errors.shape, errors.dtype, errors.device) == ((3,), torch.float32, GPU)
    # noise levels and guidance may be told more precisely than the network computes
    assert torch.float16 in dtypes


@pytest.mark.parametrize("on_fake_gpu", READ_BACK, indirect=True)
def test_those_that_are_left_out_do_read_numbers_back(on_fake_gpu):
    needs_numbers = pytest.raises((DataDependentOutputException, DynamicOutputShapeException))
    with on_fake_gpu.mode, needs_numbers:
        on_fake_gpu.errors([0, 1, 1])


@FAKEABLE
def test_two_small_batches_tell_what_a_large_one_takes(on_fake_gpu):
    """As the batch size is found: too low would end in a lack of memory."""
    weights = [*on_fake_gpu.pipeline.network.parameters()]

    def peak(owner):
        with torch.no_grad(), PeakBytes(weights) as counted:
            on_fake_gpu.errors(owner)
        return counted.peak

    with on_fake_gpu.mode:
        # tables that are made once are no sample's
        peak([0, 1])
        one, two = peak([0]), peak([0, 1])
        told = one + 15 * (two - one)
        assert 1 <= told / peak([*range(16)]) < 1.05
        # prompts of one picture share what comes before the text
        assert 1 <= told / peak([0] * 16) < 1.25


def test_so_they_do_for_stable_diffusion_2_1():
    need_fake_gpu()
    with FakeTensorMode():
        network = StemUNet(unet_of_sd21())
        keep_channels_last(network.unet)
        one, two = peak_of(network, 1, 1), peak_of(network, 2, 1)
        told = one + 127 * (two - one)
        assert 1 <= told / peak_of(network, 128, 1) < 1.01
        assert 1 <= told / peak_of(network, 128, 2) < 1.1
