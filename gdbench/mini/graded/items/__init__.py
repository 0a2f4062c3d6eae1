"""Version 2 of the mini suite: a function per task that yields its items."""

from gdbench.mini.graded.items.aro import aro
from gdbench.mini.graded.items.others import (
    bias,
    clevr,
    flickr30k,
    imagecode,
    pets,
    svo,
    winoground,
)

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
