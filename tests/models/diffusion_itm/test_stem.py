import pytest
import torch
from diffusers import UNet2DConditionModel

from gdbench.models.diffusion_itm.stem import StemUNet

ARCHITECTURES = {
    "attention at every resolution": {
        "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
        "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
    },
    "attention from the second block on": {
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
    },
    "as in Stable Diffusion 2": {
        "down_block_types": ("CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
        "use_linear_projection": True,
        "transformer_layers_per_block": 2,
    },
    "sides that do not halve": {
        "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
        "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
        "sample_size": 9,
    },
}


def make(**config):
    torch.manual_seed(0)
    return UNet2DConditionModel(
        **({"sample_size": 8} | config),
        block_out_channels=(8, 16),
        layers_per_block=1,
        cross_attention_dim=12,
        attention_head_dim=2,
        norm_num_groups=4,
    ).eval()


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_numbers_are_those_of_the_whole_network(name):
    unet = make(**ARCHITECTURES[name])
    side = unet.config.sample_size
    network = StemUNet(unet, stem_batch=2)
    assert network.shareable
    x, times = torch.randn(3, 4, side, side), torch.tensor([10, 500, 989])
    prompts, owner = torch.randn(6, 5, 12), torch.tensor([0, 0, 2, 1, 1, 1])
    with torch.inference_mode():
        shared = network(x, times, prompts, owner)
        whole = unet(x[owner], times[owner], encoder_hidden_states=prompts).sample
        plain = network(x, times, prompts[:3])
        expected = unet(x, times, encoder_hidden_states=prompts[:3]).sample
    torch.testing.assert_close(shared, whole, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(plain, expected, rtol=0, atol=0)


def test_a_time_condition_reaches_the_network_in_both_ways():
    unet = make(**ARCHITECTURES["as in Stable Diffusion 2"], time_cond_proj_dim=6)
    row = torch.randn(6)
    network = StemUNet(unet, time_condition=row)
    assert network.shareable
    x, times, prompts = torch.randn(2, 4, 8, 8), torch.tensor([10, 500]), torch.randn(4, 5, 12)
    owner = torch.tensor([0, 0, 1, 1])
    with torch.inference_mode():
        expected = unet(x[owner], times[owner], prompts, timestep_cond=row.expand(4, 6)).sample
        without = unet(x[owner], times[owner], prompts).sample
        shared = network(x, times, prompts, owner)
        plain = network(x[owner], times[owner], prompts)
    torch.testing.assert_close(shared, expected, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(plain, expected, rtol=0, atol=0)
    assert float((without - expected).abs().max()) > 1e-3


def test_stem_runs_once_for_each_noised_image():
    unet = make(**ARCHITECTURES["as in Stable Diffusion 2"])
    rows = []
    unet.conv_in.register_forward_hook(lambda _m, given, _out: rows.append(len(given[0])))
    network = StemUNet(unet, stem_batch=2)
    with torch.inference_mode():
        network(
            torch.randn(2, 4, 8, 8),
            torch.tensor([1, 2]),
            torch.randn(8, 5, 12),
            torch.tensor([0] * 4 + [1] * 4),
        )
    assert rows == [2]


@pytest.mark.parametrize(
    "config", [{"class_embed_type": "timestep"}, {"center_input_sample": True}]
)
def test_unknown_networks_run_as_a_whole(config):
    unet = make(**ARCHITECTURES["as in Stable Diffusion 2"], **config)
    network = StemUNet(unet)
    assert not network.shareable
    if config == {"center_input_sample": True}:
        x, prompts, owner = torch.randn(1, 4, 8, 8), torch.randn(3, 5, 12), torch.zeros(3).long()
        with torch.inference_mode():
            found = network(x, torch.tensor([7]), prompts, owner)
            assert torch.equal(found, unet(x[owner], torch.tensor([7] * 3), prompts).sample)


@pytest.mark.parametrize(("prompts", "rows"), [(2, [2]), (8, [4, 4]), (64, [8] * 4)])
def test_groups_grow_with_the_batch(prompts, rows):
    """Padded to a width that depends on the prompts alone, not on how many images they share."""
    unet = make(**ARCHITECTURES["as in Stable Diffusion 2"])
    found = []
    unet.conv_in.register_forward_hook(lambda _m, given, _out: found.append(len(given[0])))
    images = {2: 1, 8: 5, 64: 26}[prompts]
    owner = torch.arange(prompts) * images // prompts
    with torch.inference_mode():
        StemUNet(unet)(
            torch.randn(images, 4, 8, 8), torch.arange(images), torch.randn(prompts, 5, 12), owner
        )
    assert found == rows
