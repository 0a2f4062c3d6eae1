"""The paper's four findings on the bundled models and drawn scenes: minutes on a CPU."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from gdbench.api.evaluate import evaluate
from gdbench.api.results import Results, cost_text
from gdbench.api.table import TextTable
from gdbench.data.published import published_source
from gdbench.metrics.adjust import holm
from gdbench.metrics.estimate import Estimate, of_metric
from gdbench.metrics.intervals import LEVEL, share_interval
from gdbench.metrics.measures import Sample
from gdbench.metrics.paired import PairedDifference, paired_difference
from gdbench.numbers import EFFECT, SHARE, Unit, interval_text, p_text, value_text
from gdbench.records import ResultRecord
from gdbench.reproduce.agreement import EFFECT_MARGIN, SHARE_MARGIN, judged, share
from gdbench.reproduce.agreement import of_metric as quantity_of
from gdbench.submissions.comparison import compare_models
from gdbench.submissions.finished import Finished, open_finished
from gdbench.submissions.manifest import ManifestSource
from gdbench.submissions.relog import changed, rescored
from gdbench.submissions.results import load_results, samples_of
from gdbench.tasks.base import BUNDLED
from gdbench.tasks.bias import MINI_GROUPS, UNPLANTED

DIFFUSION, EARLY, CLIP = "mini-sd", "mini-sd-early", "mini-clip"
SUITE = BUNDLED[0]
SAMPLES = 10
BIAS_SAMPLES = 5
LIMIT = 40
_TASKS = {DIFFUSION: ("flickr30k", "winoground", "clevr"), EARLY: ("flickr30k",)}
_COMPARED = (("winoground", "text"), ("clevr", "micro"))
Shown = Literal["shown", "not shown", "the opposite"]


@dataclass(frozen=True)
class Finding:
    """One claim of the paper, and what the bundled models say to it."""

    claim: str
    paper: str
    """The authors' numbers."""
    ours: str
    """Ours, with 95 % intervals."""
    p_value: float
    """Of the test behind the verdict, adjusted for all of the table (Holm)."""
    n: int
    verdict: Shown


@dataclass(frozen=True)
class MiniReport:
    """All findings and what they took."""

    findings: tuple[Finding, ...]
    records: tuple[ResultRecord, ...]
    limit: int
    samples: int

    def table(self) -> TextTable:
        """A row for each finding."""
        return TextTable(
            ("finding", "authors", "bundled models", "n", "p", ""),
            tuple(
                (f.claim, f.paper, f.ours, str(f.n), p_text(f.p_value), f.verdict)
                for f in self.findings
            ),
            n_names=3,
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """Budget and cost."""
        return (
            f"at most {self.limit} items a sub-task, {self.samples} timesteps (bias: "
            f"{min(self.samples, BIAS_SAMPLES)}); 95 % intervals over items; p: exact McNemar, "
            "Welch or adjusted t, all adjusted by Holm's method",
            f"cost: {cost_text(self.records)}",
        )

    def markdown(self) -> str:
        """For a page."""
        return "\n\n".join((self.table().markdown(), *self.notes))

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "suite": SUITE,
            "limit": self.limit,
            "samples": self.samples,
            "findings": [asdict(finding) for finding in self.findings],
            "signatures": [record.signature for record in self.records],
            "cost": cost_text(self.records),
        }


def reproduce_mini(
    out: Path, *, samples: int = SAMPLES, limit: int | None = None, **options: Any
) -> MiniReport:
    """Run the bundled models, or go on with their runs below `out`, and test the four findings.

    `limit`: at most so many items of a sub-task, and pictures of a group; without it `LIMIT` items
    and all pictures, as the effect is small. `options`: device and batch size. Raises GdbenchError
    as `gdbench.evaluate`.
    """
    runs = {
        name: _run(name, tasks, out, samples, limit or LIMIT, options)
        for name, tasks in {**_TASKS, CLIP: _TASKS[DIFFUSION]}.items()
    }
    few = min(samples, BIAS_SAMPLES)
    biased = {name: _run(name, ("bias",), out, few, limit, options) for name in (DIFFUSION, CLIP)}
    findings: tuple[Finding, ...] = (
        *(finding for name in (DIFFUSION, EARLY) for finding in _retrieval(runs[name])),
        *_binding(runs[DIFFUSION].folder, runs[CLIP].folder),
        *_bias(biased),
    )
    adjusted = holm([finding.p_value for finding in findings])
    findings = tuple(map(_adjusted, findings, adjusted))
    every = (*runs.values(), *biased.values())
    records = tuple(record for results in every for record in results.records)
    return MiniReport(findings, records, limit or LIMIT, samples)


def _run(
    name: str,
    tasks: Sequence[str],
    out: Path,
    samples: int,
    limit: int | None,
    options: Mapping[str, Any],
) -> Results:
    """A run of one model, gone on with where it was begun."""
    steps: dict[str, Any] = {} if name == CLIP else {"samples": samples}
    kind = f"{'bias-' if tasks == ('bias',) else ''}{'all' if limit is None else limit}-items"
    folder = out / "-".join((name, SUITE, *(f"{n}-{kept}" for kept, n in steps.items()), kind))
    return evaluate(name, tasks, suite=SUITE, limit=limit, out=folder, **options, **steps)


def _adjusted(finding: Finding, p_value: float) -> Finding:
    """A finding with a p-value adjusted for all tests of the table."""
    shown = finding.verdict if p_value <= 1 - LEVEL else "not shown"
    return replace(finding, p_value=p_value, verdict=shown)


def _retrieval(run: Results) -> Iterator[Finding]:
    """Image retrieval as it is and normalised: the same passes, read twice."""
    finished = open_finished(run.folder / "flickr30k", ManifestSource())
    name = finished.record.model.name
    naive, normal = (_samples(finished, normalise=n) for n in (False, True))
    low, text = (_estimate(s) for s in (naive["image_r1"], naive["text_r1"]))
    n = len(naive["image_r1"].ids)
    lost = judged([(share(text.value, n), share(low.value, n))], [SHARE_MARGIN])[0]
    p_value = 1.0 if lost.p_value is None else lost.p_value
    yield Finding(
        f"image retrieval as it is loses against text retrieval: {name}",
        _against("sd21_naive_250_steps", "image_r1", "sd21_250_steps", "text_r1"),
        _values(low.value, text.value, Estimate(lost.difference, lost.low, lost.high)),
        p_value,
        n,
        _verdict(-lost.difference, p_value),
    )
    row = paired_difference("image_r1", normal["image_r1"], naive["image_r1"])
    yield Finding(
        f"subtracting the error without a caption mends it: {name}",
        _against("sd21_250_steps", "image_r1", "sd21_naive_250_steps", "image_r1"),
        _of_row(row),
        row.p_value,
        row.n,
        _verdict(row.difference, row.p_value),
    )


def _samples(finished: Finished, *, normalise: bool) -> dict[str, Sample]:
    """Per-item values of the task's measures, scored with or without the subtraction."""
    where = str(finished.folder)
    settings = changed(finished.record.settings, None, normalise, None, where=where)
    matrices = [rescored(s, settings).matrix for s in finished.scores]
    return samples_of(finished.task, finished.labels, matrices)


def _estimate(sample: Sample) -> Estimate:
    values = sample.values()
    ends = share_interval(sample, values)
    return Estimate(sample.mean(values), *((ends.low, ends.high) if ends else ()))


def _binding(diffusion: Path, clip: Path) -> Iterator[Finding]:
    """Diffusion against CLIP on the same items."""
    source = ManifestSource()
    compared = compare_models(load_results(diffusion, source), load_results(clip, source))
    rows = {r.name: r for r in compared.metrics.rows} if compared.metrics else {}
    for task, metric in _COMPARED:
        row = rows[f"{task}/{metric}"]
        paper = [_authors(name, task, metric) for name in ("sd21_250_steps", "clip_rn50x64")]
        yield Finding(
            f"diffusion is ahead of CLIP on binding: {task} {metric}",
            " against ".join(paper),
            _of_row(row),
            row.p_value,
            row.n,
            _verdict(row.difference, row.p_value),
        )


def _bias(runs: Mapping[str, Results]) -> Iterator[Finding]:
    """The planted association against that of two groups of which nothing was ever said.

    An effect counts as taken over only where it is larger than what arises by itself, whichever
    way that points: Welch's test of the difference of two effect sizes on other pictures.
    """
    planted, control = "_".join(MINI_GROUPS), "_".join(UNPLANTED)
    papers = {DIFFUSION: "Stable Diffusion 2.1-base, DiffusionITM", CLIP: "CLIP ViT-B/32"}
    for name, results in runs.items():
        metrics = [results["bias"].metric(pair) for pair in (planted, control)]
        effect, other = map(quantity_of, metrics)
        size = replace(other, value=abs(other.value), centre=abs(other.centre))
        found = judged([(size, effect)], [EFFECT_MARGIN])[0]
        paper = _authors("bias_20_steps", "bias", "christian_muslim", papers[name])
        # a control that is larger says nothing of the planted pair
        p_value = 1.0 if found.p_value is None or found.difference < 0 else found.p_value
        ours, none = (_text(of_metric(metric), EFFECT) for metric in metrics)
        first, second = MINI_GROUPS
        yield Finding(
            f"{name} has taken over the bias of its captions: {first} over {second}",
            f"{paper} (Christian over Muslim)",
            f"{ours}; a pair described both ways alike: {none}",
            p_value,
            sum(metric.n for metric in metrics),
            "shown" if found.difference > 0 and p_value <= 1 - LEVEL else "not shown",
        )


def _authors(source: str, task: str, metric: str, model: str = "") -> str:
    """A published number as text."""
    figures = published_source(source).figures
    own = [f for f in figures if (f.task, f.metric) == (task, metric) and model in f.model]
    unit = EFFECT if own[0].direction == "association" else SHARE
    n = "" if own[0].n is None else f", n {own[0].n:,}"
    return f"{value_text(own[0].value, unit)}{n}"


def _verdict(difference: float, p_value: float) -> Shown:
    if p_value > 1 - LEVEL:
        return "not shown"
    return "shown" if difference > 0 else "the opposite"


def _against(first: str, metric: str, second: str, other: str) -> str:
    """Two published numbers of Flickr30K."""
    return f"{_authors(first, 'flickr30k', metric)} against {_authors(second, 'flickr30k', other)}"


def _of_row(row: PairedDifference) -> str:
    return _values(row.first, row.second, Estimate(row.difference, row.low, row.high))


def _values(first: float, second: float, difference: Estimate) -> str:
    values = f"{value_text(first, SHARE)} against {value_text(second, SHARE)}"
    return f"{values}: {_text(difference, SHARE, signed=True)}"


def _text(estimate: Estimate, unit: Unit, *, signed: bool = False) -> str:
    value = value_text(estimate.value, unit, difference=signed)
    ends = interval_text(estimate.low, estimate.high, unit, difference=signed)
    return f"{value} ({ends})" if ends else value
