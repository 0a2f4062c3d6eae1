import pytest
import torch

from gdbench.models.diffusion_itm.denoiser import Denoiser, VariancePreserving
from gdbench.models.diffusion_itm.families.noise_levels import flow as flow_of

ALPHAS = torch.linspace(0.999, 0.005, 1000)
TIMES = torch.tensor([10, 400, 989])


EPSILON = VariancePreserving(ALPHAS, "epsilon")
VELOCITY = VariancePreserving(ALPHAS, "v_prediction")


def shifted(shift):
    """The noise levels of a flow with a fixed shift."""
    name = "FlowMatchEulerDiscreteScheduler"
    return flow_of({"_class_name": name, "shift": shift}, "here", mu=0.0)


def network(x, times, conditions, owner=None):
    """Some function of everything a network sees."""
    prompts = conditions["text"]
    if owner is not None:
        x, times = x[owner], times[owner]
    weight = prompts.mean(dim=(1, 2)) + times / 700.0
    return torch.tanh(x * weight[:, None, None, None]) + 0.1 * x.flip(-1)


@pytest.fixture
def inputs():
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(shape, generator=generator) for shape in [(3, 4, 8, 8)] * 2 + [(3, 5, 6)]]


def plain_errors(x, times, noise, prompts):
    return torch.stack(
        [
            (e - network(a[None], t[None], {"text": p[None]})[0]).norm()
            for a, t, e, p in zip(x, times, noise, prompts, strict=True)
        ]
    )


def test_epsilon_error_is_that_of_the_definition(inputs):
    latents, noise, prompts = inputs
    alpha = ALPHAS[TIMES][:, None, None, None]
    x = alpha.sqrt() * latents + (1 - alpha).sqrt() * noise
    found = Denoiser(EPSILON, network, torch.float32).errors(
        latents, noise, TIMES, {"text": prompts}
    )
    torch.testing.assert_close(found, plain_errors(x, TIMES, noise, prompts))


def test_converted_v_network_gives_the_same_errors(inputs):
    def velocity(x, times, conditions, owner=None):
        own_x, own_t = (x, times) if owner is None else (x[owner], times[owner])
        alpha = ALPHAS[own_t][:, None, None, None]
        predicted = network(x, times, conditions, owner)
        return (predicted - (1 - alpha).sqrt() * own_x) / alpha.sqrt()

    epsilon = Denoiser(EPSILON, network, torch.float32).errors(
        inputs[0], inputs[1], TIMES, {"text": inputs[2]}
    )
    found = Denoiser(VELOCITY, velocity, torch.float32).errors(
        inputs[0], inputs[1], TIMES, {"text": inputs[2]}
    )
    torch.testing.assert_close(found, epsilon, rtol=1e-5, atol=0)
    scored_as_epsilon = Denoiser(EPSILON, velocity, torch.float32).errors(
        inputs[0], inputs[1], TIMES, {"text": inputs[2]}
    )
    assert (scored_as_epsilon / epsilon - 1).abs().max() > 0.01  # the fault of the release


@pytest.mark.parametrize("shift", [1.0, 3.0])
def test_converted_flow_network_gives_the_error_of_the_noise(inputs, shift):
    latents, noise, prompts = inputs
    level = TIMES / 1000
    level = shift * level / (1 + (shift - 1) * level)
    w = level[:, None, None, None]
    x = (1 - w) * latents + w * noise

    def flow(given, times, conditions, owner=None):  # u = (e - x) / (1 - w)
        own_x, own_t = (given, times) if owner is None else (given[owner], times[owner])
        predicted = network(given, times, conditions, owner)
        return (predicted - own_x) / (1 - own_t[:, None, None, None])

    found = Denoiser(shifted(shift), flow, torch.float32).errors(
        latents, noise, TIMES, {"text": prompts}
    )
    expected = plain_errors(x, level, noise, prompts)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=0)


@pytest.mark.parametrize("kind", ["epsilon", "v", "flow"])
def test_sharing_noised_images_changes_nothing(inputs, kind):
    latents, noise, _ = inputs
    prompts = torch.randn(5, 5, 6, generator=torch.Generator().manual_seed(1))
    owner = torch.tensor([2, 0, 0, 1, 2])
    denoiser = {
        "epsilon": Denoiser(EPSILON, network, torch.float32),
        "v": Denoiser(VELOCITY, network, torch.float32),
        "flow": Denoiser(shifted(1.0), network, torch.float32),
    }[kind]
    shared = denoiser.errors(latents, noise, TIMES, {"text": prompts}, owner)
    alone = denoiser.errors(latents[owner], noise[owner], TIMES[owner], {"text": prompts})
    torch.testing.assert_close(shared, alone, rtol=1e-6, atol=0)


def test_residuals_stay_in_float32(inputs):
    latents, noise, prompts = inputs
    seen = []

    def half(x, times, conditions, owner=None):
        given = conditions["text"]
        seen.append((x.dtype, given.dtype))
        return network(x.float(), times, {"text": given.float()}, owner).to(x.dtype)

    errors = Denoiser(EPSILON, half, torch.bfloat16).errors(
        latents, noise, TIMES, {"text": prompts}
    )
    assert seen == [(torch.bfloat16, torch.bfloat16)]
    assert errors.dtype is torch.float32
