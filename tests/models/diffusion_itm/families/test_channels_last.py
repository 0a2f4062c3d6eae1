"""Memory formats of U-Nets: what is copied, counted, and that no number changes."""

import copy

import pytest
import torch
from diffusers import UNet2DConditionModel
from torch._subclasses.fake_tensor import FakeTensorMode

from benchmarks.copies import copies_of, unet_of_sd21
from gdbench.models.diffusion_itm.families.channels_last import keep_channels_last, placed
from gdbench.models.diffusion_itm.stem import StemUNet
from tests.models.diffusion_itm.families.test_fake_gpu import need_fake_gpu

CPU = torch.device("cpu")


def test_nothing_is_turned_on_a_gpu():
    """Stable Diffusion 2.1's own shape; diffusers turns 70 MiB a prompt."""
    need_fake_gpu()
    with FakeTensorMode():
        unet = unet_of_sd21()
        before = copies_of(StemUNet(unet), 16, 2)
        keep_channels_last(unet)
        after = copies_of(StemUNet(unet), 16, 2)
    assert before.to_plain > 20 * 2**20 * 16
    assert before.to_channels_last > 45 * 2**20 * 16
    assert after.turned == (0, 0)


@pytest.mark.parametrize("linear", [True, False])
def test_numbers_stay(linear):
    torch.manual_seed(0)
    unet = UNet2DConditionModel(
        sample_size=8, block_out_channels=(8, 16), layers_per_block=1, cross_attention_dim=12,
        attention_head_dim=2, norm_num_groups=4, use_linear_projection=linear,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
    ).eval()  # fmt: skip
    x, times, prompts = torch.randn(3, 4, 8, 8), torch.tensor([3, 9, 980]), torch.randn(3, 5, 12)
    with torch.inference_mode():
        reference = unet(x, times, prompts).sample
        assert torch.equal(placed(unet, CPU, torch.float16)(x, times, prompts).sample, reference)
        keep_channels_last(unet)
        copied = copy.deepcopy(unet)
        for memory_format in (torch.contiguous_format, torch.channels_last):
            found = unet.to(memory_format=memory_format)(x, times, prompts).sample
            torch.testing.assert_close(found, reference, rtol=1e-5, atol=1e-6)
        # a copy has its own weights
        for weight in unet.parameters():
            weight.zero_()
        found = copied(x, times, prompts).sample
        torch.testing.assert_close(found, reference, rtol=1e-5, atol=1e-6)
