"""NaturalBench: photographs that are easy for people, in pairs whose answers are each other's.

Two parts: the pairs of pictures and captions (`NaturalBench-Retrieval`), and the questions with
their answers. A question is asked as two statements, itself followed by either answer, of which
one fits each picture of the group.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from gdbench.data.entry import Download, Entry, HubSet, Shape
from gdbench.data.hub import HubRows
from gdbench.data.loading import Part, Source, load
from gdbench.data.pair_sets import nothing
from gdbench.data.tree import fields
from gdbench.protocol import Item, Query
from gdbench.records import Compat

RETRIEVAL, QUESTIONS = "retrieval", "questions"
ANSWERS = {"yes_no": ("Yes", "No"), "multiple_choice": ("A", "B")}
# the metadata's fields and the columns: as the authors' scripts read them
_PAIR = {"index": int, "image_0": str, "image_1": str, "caption_0": str, "caption_1": str}
_ZIP = "https://huggingface.co/datasets/BaiqiL/NaturalBench/resolve"
_COMMIT = "b6a84a18ba24544169681d4b15543dd103d4d3bb"
_FOLDER = "naturalbench/NaturalBench-Retrieval"
# how options stand in a question was described by others, and not seen
_OPTIONS = re.compile(r"\s*Options?:\s*A:\s*(?P<A>.+?);\s*B:\s*(?P<B>.+?)[;.]?\s*\Z", re.DOTALL)
_HUB = HubSet(
    "BaiqiL/NaturalBench",
    None,
    "train",
    license="Apache 2.0",
    patterns=("data/*.parquet", "README.md"),
)


def _pairs(source: Source, path: str) -> Iterator[Item]:
    """Items of a list of {index, image_0, image_1, caption_0, caption_1}."""
    for number, found in enumerate(source.tree.json(path, list) or []):
        row = fields(found, _PAIR, path, f"row {number}", source.problems)
        if row is None:
            continue
        entry = f"index {row['index']}"
        texts = (row["caption_0"], row["caption_1"])
        if texts[0] == texts[1]:
            source.problems.add(path, entry, f"both captions are {texts[0]!r}")
            continue
        names = [f"{_FOLDER}/images/{row[name]}" for name in ("image_0", "image_1")]
        pictures = [source.tree.image(name, path, entry) for name in names]
        images = tuple(image for image in pictures if image is not None)
        if len(images) == len(pictures):
            yield Item(
                id=f"naturalbench/retrieval/{row['index']}",
                images=images,
                texts=texts,
                query=Query.MATCHING,
                gold=(0, 1),
                subtask=RETRIEVAL,
                tags=(RETRIEVAL,),
            )


def _questions(source: Source, rows: HubRows) -> Iterator[Item]:
    """Two items of each group: its two pictures with either question."""
    answers = {q: [f"Image_{i}_Question_{q}" for i in (0, 1)] for q in (0, 1)}
    wanted = {"Index": int, "Question_Type": str, "Question_0": str, "Question_1": str}
    wanted |= dict.fromkeys([*answers[0], *answers[1]], str)
    for index, found in rows.texts(*wanted):
        row = fields(found, wanted, rows.file, f"row {index}", source.problems)
        if row is None:
            continue
        known = ANSWERS.get(row["Question_Type"], ())
        pictures = [rows.image(index, f"Image_{i}") for i in (0, 1)]
        images = tuple(image for image in pictures if image is not None)
        for q, columns in answers.items():
            entry = f"Index {row['Index']}, question {q}"
            given = [row[name].strip() for name in columns]
            if sorted(given) != sorted(known):
                kind, what = row["Question_Type"], " and ".join(given)
                source.problems.add(rows.file, entry, f"answers {what} to a {kind} question")
            elif len(images) == len(pictures):
                yield Item(
                    id=f"naturalbench/{row['Index']}/q{q}",
                    images=images,
                    texts=tuple(_statement(row[f"Question_{q}"], answer) for answer in given),
                    query=Query.MATCHING,
                    gold=(0, 1),
                    subtask=QUESTIONS,
                    cluster=f"naturalbench/{row['Index']}",
                    tags=(QUESTIONS, row["Question_Type"]),
                )


def _statement(question: str, answer: str) -> str:
    """The question and its answer; of options that stand in the question, the one that is meant."""
    options = _OPTIONS.search(question)
    if options is None or answer not in options.groupdict():
        return f"{question.strip()} {answer}"
    return f"{question[: options.start()].strip()} {options[answer]}"


PARTS = (
    Part((f"{_FOLDER}/metadata.json",), _pairs),
    Part((_HUB.folder,), partial(nothing, "naturalbench"), _HUB, _questions, frozen=True),
)
ENTRY = Entry(
    parts=f"{__name__}:PARTS",
    expected={},
    usual={QUESTIONS: 3800},
    shapes=dict.fromkeys((RETRIEVAL, QUESTIONS), Shape(Query.MATCHING, 2, 2)),
    folders=("naturalbench",),
    hub=(_HUB,),
    hub_role="adds",
    license="Apache 2.0; photographs of third parties (Flickr30K, DOCCI)",
    downloads=(
        Download(
            f"{_ZIP}/{_COMMIT}/NaturalBench-Retrieval.zip",
            "naturalbench/NaturalBench-Retrieval.zip",
            unpack="naturalbench",
            about="332 MB",
            size=332_000_000,
            license="Apache 2.0",
            alternatives=(f"{_ZIP}/main/NaturalBench-Retrieval.zip",),
        ),
    ),
)


def items(root: Path | None, compat: Compat | None, *, allow_partial: bool) -> Iterable[Item]:
    """Pairs and questions; see `gdbench.data.loading.load` for what is raised."""
    return load("naturalbench", PARTS, root, compat, allow_partial=allow_partial, entry=ENTRY)
