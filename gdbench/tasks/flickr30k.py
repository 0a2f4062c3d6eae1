"""Flickr30K: image and text retrieval among ten candidates."""

from gdbench.data.catalogue import CATALOGUE
from gdbench.metrics.measures import Recall
from gdbench.tasks.base import Task

_IMAGE, _TEXT = ("image_retrieval",), ("text_retrieval",)

TASK = Task(
    name="flickr30k",
    version="1",
    title="Flickr30K",
    description="Everyday photographs: find the picture of a caption, and the caption of a "
    "picture, among ten candidates.",
    measures=(
        Recall("image_r1", _IMAGE),
        Recall("image_r5", _IMAGE, k=5),
        Recall("text_r1", _TEXT),
        Recall("text_r5", _TEXT, k=5),
    ),
    primary=("image_r1", "text_r1"),
    sources={
        "full": "gdbench.data.flickr30k:items",
        "neutral": "gdbench.data.flickr30k:neutral_items",
        "mini": "gdbench.mini.items:flickr30k",
        "mini2": "gdbench.mini.graded.items:flickr30k",
    },
    published=CATALOGUE["flickr30k"],
    expected={
        "mini": dict.fromkeys((*_IMAGE, *_TEXT), 100),
        "mini2": dict.fromkeys((*_IMAGE, *_TEXT), 180),
    },
    versions={"mini2": "2"},
    citation="Young et al., TACL 2014; split of Karpathy and Fei-Fei, CVPR 2015",
    url="https://shannon.cs.illinois.edu/DenotationGraph/",
    notes=(
        "The nine wrong candidates of the full suite are the nearest ones for CLIP RN50x64, so "
        "they are adversarial for CLIP models; the suite `neutral` draws them at random.",
        "The items are Karpathy's validation split (1,014 images), one query for each image.",
    ),
)
