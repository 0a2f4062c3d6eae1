import pytest
import torch
from transformers.utils import logging

from gdbench.data.images import MemoryImage
from gdbench.models.diffusion_itm.adapter import DiffusionITM
from gdbench.protocol import Item, Query
from tests.models.diffusion_itm.tiny import make_tiny_sd, picture


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def tiny_sd(tmp_path_factory):
    logging.disable_progress_bar()
    return make_tiny_sd(tmp_path_factory.mktemp("tiny-sd"))


@pytest.fixture
def load(tiny_sd):
    def make(folder=tiny_sd, **options):
        return DiffusionITM.from_pretrained(
            folder, **({"samples": 3, "device": "cpu", "batch_size": 8} | options)
        )

    return make


def mixed_items(n=2):
    """Text retrieval, image retrieval and matching, with pictures and texts in common."""
    for k in range(n):
        a, b, c = (MemoryImage(picture(k + i)) for i in range(3))
        texts = (f"red {k}", "blue dog", "x y z")
        yield Item(f"t{k}", (a,), texts, Query.TEXT_RETRIEVAL, (0,), "t")
        yield Item(f"i{k}", (a, b, c), ("blue dog",), Query.IMAGE_RETRIEVAL, (0,), "i")
        yield Item(f"m{k}", (b, c), texts[:2], Query.MATCHING, (0, 1), "m")


@pytest.fixture
def items():
    return list(mixed_items())


@pytest.fixture
def hard_items():
    images = [MemoryImage(picture(n)) for n in range(5)]
    texts = tuple("abcde")
    return [
        Item("t", (images[0],), texts, Query.TEXT_RETRIEVAL, (0,), ""),
        Item("i", tuple(images), ("hello",), Query.IMAGE_RETRIEVAL, (0,), ""),
        Item("m", tuple(images[:2]), texts[:2], Query.MATCHING, (0, 1), ""),
        Item("s", tuple(images[:1]), texts, Query.ASSOCIATION, (0, 1), ""),
    ]
