"""What each table of the paper is made of: models, budgets, and the authors' numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from gdbench.data.published import Figure, published_source
from gdbench.errors import UnknownNameError
from gdbench.metrics.measures import EffectSize, Recall
from gdbench.records import Compat
from gdbench.tasks import TASKS
from gdbench.tasks.base import Task

TableName = Literal["1", "2", "3", "bias", "runtime"]
PAPER = "krojer2023"
COMPAT: Compat = "diffusion-itm-2023"
LITE_STEPS = 50
_DIFFUSION = ", DiffusionITM"
_SD21 = "Stable Diffusion 2.1-base"


@dataclass(frozen=True)
class Row:
    """One model at one budget, and the published numbers it is held against."""

    label: str
    model: str
    """Registered name, or a `kind` of LoRA that the authors did not release (see `lora`)."""
    published: str
    """The model's name in the file of published figures."""
    source: str
    """Name of that file."""
    steps: int | None = None
    """Timesteps that the authors asked for; None: no diffusion model."""
    lora: str = ""
    """What `--lora KIND=FOLDER` has to give, where the authors released no weights."""
    rescored: Mapping[str, Any] = field(default_factory=dict)
    """Options of `gdbench score`: the run is that of the same model, its log is read otherwise."""
    metrics: frozenset[str] = frozenset()
    """Only these of the published metrics; empty: all that the task has."""

    def figures(self) -> dict[str, list[Figure]]:
        """The authors' numbers by task, those of metrics that gdbench has."""
        found: dict[str, list[Figure]] = {}
        for figure in published_source(self.source).figures:
            if figure.model == self.published and figure.task in TASKS:
                names = {m.name for m in TASKS.get(figure.task).measures}
                if figure.metric in (self.metrics or names):
                    found.setdefault(figure.task, []).append(figure)
        return found


@dataclass(frozen=True)
class PaperTable:
    """A table of the paper."""

    name: str
    title: str
    rows: tuple[Row, ...]
    note: str = ""


def _ablation(label: str, model: str, kind: str, *, lora: str = "") -> Row:
    published = f"{_SD21} + {kind}{_DIFFUSION}"
    return Row(label, model, published, "sd21_ablation_10_steps", 10, lora=lora)


_NOT_RELEASED = "the authors released no weights"
_BASE_10 = Row("SD 2.1", "sd2.1", _SD21 + _DIFFUSION, "sd15_sd21_10_steps", 10)
TABLES: Mapping[str, PaperTable] = {
    "1": PaperTable(
        "1",
        "GDBench, about 250 timesteps",
        (
            Row("CLIP RN50x64", "clip-rn50x64", "CLIP RN50x64", "clip_rn50x64"),
            Row(
                "OpenCLIP ViT-L/14", "openclip-vit-l14", "OpenCLIP (encoder of SD 2.1)",
                "info_decomp_aro",
            ),
            Row(
                "SD 2.1, image retrieval not normalised", "sd2.1", _SD21 + _DIFFUSION,
                "sd21_naive_250_steps", 250, rescored={"normalise": False},
            ),
            Row("SD 2.1", "sd2.1", _SD21 + _DIFFUSION, "sd21_250_steps", 250),
            Row(
                "SD 2.1 + HardNeg", "sd2.1-hardneg", f"{_SD21} + HardNeg{_DIFFUSION}",
                "sd21_hardneg_250_steps", 250,
            ),
        ),
        note="The authors' runs had other items in each row, 56 to 28,748 of them; which ones is "
        "not known. Which OpenCLIP checkpoint the paper used is not stated.",
    ),
    "2": PaperTable(
        "2",
        "Fine-tuning by kind of negative, 10 timesteps",
        (
            _BASE_10,
            _ablation("SD 2.1 + NoNeg", "sd2.1-noneg", "NoNeg"),
            _ablation("random texts", "sd2.1", "random text negatives", lora="random-text"),
            _ablation("hard texts", "sd2.1", "HardNeg (texts only)", lora="hard-text"),
            _ablation("hard images", "sd2.1", "HardNeg (images only)", lora="hard-image"),
            _ablation("SD 2.1 + HardNeg", "sd2.1-hardneg", "HardNeg"),
        ),
        note="Of the rows of single kinds of negatives " + _NOT_RELEASED + ": train them with "
        "`gdbench finetune` and give --lora KIND=FOLDER.",
    ),
    "3": PaperTable(
        "3",
        "Bias on MMBias, 20 timesteps: effect sizes, positive: the first group is nearer to "
        "pleasant words",
        (
            Row("SD 1.5", "sd1.5", f"Stable Diffusion 1.5{_DIFFUSION}", "bias_20_steps", 20),
            Row("SD 2.1", "sd2.1", _SD21 + _DIFFUSION, "bias_20_steps", 20),
            Row("CLIP ViT-B/32", "clip-vit-b32", "CLIP ViT-B/32", "bias_20_steps"),
        ),
        note="The paper's bias table, also under the name `bias`. How it is printed was not seen: "
        "these are all pairs of the authors' result files. Two of the pairs are divided by the "
        "deviation of other groups; so are ours in this mode.",
    ),
    "runtime": PaperTable(
        "runtime",
        "Flickr30K text retrieval, 10 samples a pair: minutes",
        (
            Row("DiffusionITM", "sd2.1", f"Stable Diffusion{_DIFFUSION}", "runtime_flickr30k", 10),
            Row("OpenCLIP ViT-L/14", "openclip-vit-l14", "OpenCLIP ViT-L/14", "runtime_flickr30k"),
        ),
        note="The authors' minutes are of one A6000.",
    ),
}  # fmt: skip
ALIASES = {"bias": "3"}


def paper_table(name: str) -> PaperTable:
    """The table of that name. Raises UnknownNameError."""
    try:
        return TABLES[ALIASES.get(name, name)]
    except KeyError:
        raise UnknownNameError(
            f"--table {name}: expected {', '.join([*TABLES, *ALIASES])}"
        ) from None


def tables(name: str | None) -> Iterator[PaperTable]:
    """The table of that name; without one all of them."""
    if name is None:
        yield from TABLES.values()
    else:
        yield paper_table(name)


def items_of(task: Task, figures: list[Figure]) -> int | None:
    """How many items of each sub-task the authors' largest run of these figures had.

    None: all of them, or nobody knows.
    """
    most = 0
    expected = task.compat_expected or task.expected.get("full", {})
    for figure in figures:
        measure = next(m for m in task.measures if m.name == figure.metric)
        if isinstance(measure, EffectSize):
            return None
        subtasks = measure.subtasks if isinstance(measure, Recall) else tuple(expected)
        if figure.n is None:
            continue
        parts = max(1, len(subtasks))
        most = max(most, -(-(figure.n - (figure.repeated or 0)) // parts))
    whole = max(expected.values(), default=0)
    return None if not most or (whole and most >= whole) else most
