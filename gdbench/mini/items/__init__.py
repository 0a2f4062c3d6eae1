"""The mini suite: a function per task that yields its items."""

from gdbench.mini.items.aro import aro
from gdbench.mini.items.bias import bias
from gdbench.mini.items.clevr import clevr
from gdbench.mini.items.flickr30k import flickr30k
from gdbench.mini.items.imagecode import imagecode
from gdbench.mini.items.pets import pets
from gdbench.mini.items.svo import svo
from gdbench.mini.items.winoground import winoground

TASKS = {
    "flickr30k": flickr30k,
    "winoground": winoground,
    "aro": aro,
    "imagecode": imagecode,
    "svo": svo,
    "clevr": clevr,
    "pets": pets,
    "bias": bias,
}

__all__ = [
    "TASKS",
    "aro",
    "bias",
    "clevr",
    "flickr30k",
    "imagecode",
    "pets",
    "svo",
    "winoground",
]
