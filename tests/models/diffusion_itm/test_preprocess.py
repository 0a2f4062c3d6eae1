import numpy as np
import torch
from PIL import Image

from gdbench.models.diffusion_itm.preprocess import to_tensor
from tests.models.diffusion_itm.tiny import picture


def test_pictures_are_squashed_to_the_square_and_scaled():
    image = picture(3, side=40).resize((50, 31))
    found = to_tensor(image, 16)
    expected = np.asarray(image.resize((16, 16), Image.Resampling.BICUBIC)).transpose(2, 0, 1)
    assert found.shape == (3, 16, 16)
    np.testing.assert_allclose(found.numpy(), expected / 127.5 - 1, atol=1e-6)


def test_a_bright_picture_is_scaled_once():
    found = to_tensor(Image.new("RGB", (8, 8), (200, 255, 128)), 8)
    torch.testing.assert_close(found[:, 0, 0], torch.tensor([200, 255, 128]) / 127.5 - 1)


def test_other_modes_become_rgb():
    assert to_tensor(Image.new("L", (8, 8), 255), 8).unique().tolist() == [1.0]
