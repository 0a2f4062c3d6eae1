"""Files that people have of these data sets, and that are not what gdbench reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from gdbench.data.entry import HubSet
from gdbench.data.tree import Tree

_LISTS = "`gdbench data fetch flickr30k` gets the lists of candidates that are read"


@dataclass(frozen=True)
class Known:
    """A file that is often found in place of the right one."""

    task: str
    names: tuple[str, ...]
    """Patterns of file names, in lower case."""
    what: str
    todo: str


KNOWN = (
    Known(
        "flickr30k",
        ("results.csv", "results_*.csv"),
        "Kaggle's table of all captions, which names no candidates",
        f"keep the pictures beside it; {_LISTS}",
    ),
    Known(
        "flickr30k",
        ("dataset_flickr30k.json", "flickr30k_test.json.zip", "results_20130124.token"),
        "Karpathy's splits (or the first captions), which name no candidates",
        _LISTS,
    ),
    Known(
        "aro",
        ("dataset_coco.json", "dataset_flickr30k.json"),
        "Karpathy's splits in one file, with other fields than those of ARO",
        "`gdbench data fetch aro --layout 2023` gets the files that are read",
    ),
    Known(
        "aro",
        ("captions_val2014.json", "captions_train2014.json"),
        "COCO's own captions, without ARO's word orders",
        "`gdbench data fetch aro` gets the frozen word orders",
    ),
    Known(
        "winoground",
        ("examples.jsonl", "*.jsonl"),
        "the first form of Winoground on the hub, one JSON object a line",
        "put data.json of the 2023 release beside images/, or `gdbench data fetch winoground` "
        "takes the Parquet files of today",
    ),
    Known(
        "svo",
        ("svo_probes.csv", "image_urls.txt"),
        "SVO-Probes as published: addresses, no pictures",
        "`gdbench data fetch svo` gets the pictures that survive and lists them",
    ),
    Known(
        "imagecode",
        ("test_data.json", "test_data_unlabeled.json", "train_data.json"),
        "another split of ImageCoDe; the labels of test are secret",
        "valid_data.json is read: `gdbench data fetch imagecode`",
    ),
    Known(
        "clevr",
        ("clevr_questions.json", "clevr_scenes.json", "clevr_val_questions.json"),
        "questions or scenes of CLEVR, not the captions of this task",
        "`gdbench data fetch clevr` gets the captions and the pictures that belong to them",
    ),
    Known(
        "bias",
        ("urls.txt",),
        "MMBias' list of addresses",
        "the archives in data/Images of MMBias are read, unpacked: `gdbench data fetch bias`",
    ),
)


def strangers(task: str, folders: tuple[str, ...], tree: Tree) -> Iterator[str]:
    """A line for each known foreign file in the task's folders: what it is and what to do."""
    for folder in ("", *folders):
        for name in tree.names(folder):
            known = _known(task, name)
            if known is not None:
                path = f"{folder}/{name}" if folder else name
                yield f"{path} is {known.what}; it is not read: {known.todo}"


def _known(task: str, name: str) -> Known | None:
    low = name.lower()
    fitting = (k for k in KNOWN if k.task == task and any(fnmatchcase(low, p) for p in k.names))
    return next(fitting, None)


def script_based(hub: HubSet, tree: Tree) -> str:
    """Why a snapshot cannot be read that holds a loading script and no data; empty otherwise."""
    names = tree.names(hub.folder)
    below = [name for folder in names for name in tree.names(f"{hub.folder}/{folder}")]
    scripts = [name for name in names if name.endswith(".py")]
    data = [n for n in (*names, *below) if n.endswith((".parquet", ".arrow", ".csv", ".jsonl"))]
    if not scripts or data:
        return ""
    return (
        f"the snapshot holds a loading script ({scripts[0]}) and no data; the library runs no "
        "scripts any more: `gdbench data fetch` takes a revision with Parquet files"
    )
