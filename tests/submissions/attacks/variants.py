"""Variants that nobody named: other precisions, other logs, other readers."""

from __future__ import annotations

import json
import os
import shutil
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gdbench.data.images import decode
from gdbench.data.pins import Pins
from gdbench.errors import InputError
from gdbench.evaluation import evaluate
from gdbench.models import load_model
from gdbench.protocol import Query, Scores
from gdbench.records import ResultRecord
from gdbench.signature import signature
from gdbench.submissions.agreement import Spread, answers, compare, size_of
from gdbench.submissions.at_hand import loader
from gdbench.submissions.audit import AuditReport, Wanted, audit
from gdbench.submissions.finished import open_finished
from gdbench.submissions.levels import Level
from gdbench.submissions.logs import Logs, write_audited
from gdbench.submissions.submit import submit
from gdbench.submissions.verify import verify
from gdbench.tasks import TASKS
from tests.submissions.attacks.ground import (
    SOURCE,
    VICTIM,
    Ground,
    attack,
    changed,
    entry,
    invent,
    judged,
    levels,
    perfect,
    refused,
)

_ITEMS, _SAMPLES = 12, 2


def honest(g: Ground, dtype: str) -> Path:
    """A bundled diffusion model of few timesteps on a few items, submitted; `model/revision`."""
    model = load_model("mini-sd-early", samples=_SAMPLES, dtype=dtype, device="cpu")
    run = g.tmp / "run"
    evaluate(model, [TASKS.get("winoground")], run, suite="mini", limit=_ITEMS)
    submit(run, g.proposed, with_errors=False)
    return next((g.proposed / "mini-sd-early").iterdir())


def replaced(revision: Path, scores: list[Scores], **settings: object) -> None:
    """The same submission with other scores and settings, consistent in itself."""
    ground = Ground(revision.parents[1], revision.parents[1] / "forged", revision)
    name = revision.parent.name
    like = f"{name}/{revision.name}/winoground"
    made = invent(ground, name, scores, like=like)
    said = json.loads((revision / "winoground/record.json").read_text())
    forged = json.loads((made / "record.json").read_text())
    forged["model"] = said["model"]
    forged["settings"] |= settings
    record = ResultRecord.model_validate(forged)
    told = signature(record.task, record.model, record.settings, record.content)
    record = record.model_copy(update={"signature": told})
    (revision / "winoground/record.json").write_text(record.model_dump_json())
    shutil.copy(made / "scores.parquet", revision / "winoground/scores.parquet")
    shutil.rmtree(ground.proposed)


def run_again(g: Ground, revision: Path) -> AuditReport:
    report = verify(revision, SOURCE, log=g.base)
    assert report.ok, report.problems
    return audit(report, SOURCE, loader(None), Wanted(share=1.0))


@attack("scores of a bundled model in bfloat16, pushed to gold", "a flip is never tolerated")
def _(g: Ground) -> None:
    revision = honest(g, "bfloat16")
    finished = open_finished(revision / "winoground", SOURCE)
    assert run_again(g, revision).ok
    forged, won = [], 0
    for scores, label in zip(finished.scores, finished.labels, strict=True):
        matrix = scores.matrix.astype(np.float64)
        # errors are norms of some 20, of which bfloat16 moves 4e-3: a push of 0.05 is inside
        pushed = replace(scores, matrix=(matrix + 0.05 * np.eye(2)).astype(np.float32))
        before, after = (answers(finished.task, label, s.matrix) for s in (scores, pushed))
        won += before != after
        forged.append(pushed)
    assert won
    replaced(revision, forged)
    done = run_again(g, revision)
    assert not done.ok
    assert len(done.tasks[0].flips) == won


@attack("a bundled model that says it takes next to nothing", "prices and items are counted again")
def _(g: Ground) -> None:
    model = load_model("mini-clip", device="cpu")
    evaluate(model, [TASKS.get("winoground")], g.tmp / "run", suite="mini", limit=_ITEMS)
    submit(g.tmp / "run", g.proposed)
    revision = next((g.proposed / "mini-clip").iterdir())
    path = revision / "winoground/record.json"
    true = path.read_text()
    assert run_again(g, revision).ok
    for name, value in (("picture_flops", 1), ("text_flops", 1), ("pictures", 1), ("texts", 1)):
        raw = json.loads(true)
        raw["cost"]["operations"][name] = value
        path.write_text(json.dumps(raw))
        done = run_again(g, revision)
        assert not done.ok
        assert "the record says 1" in done.tasks[0].fault


@attack("a run in bfloat16 that is recorded as float32", "float32 has no such spread")
def _(g: Ground) -> None:
    revision = honest(g, "bfloat16")
    finished = open_finished(revision / "winoground", SOURCE)
    replaced(revision, list(finished.scores), dtype="float32")
    done = run_again(g, revision)
    assert not done.ok
    assert done.tasks[0].fault or done.tasks[0].flips


@attack("a tie that is broken by the last bit of float64", "a tie is another answer")
def _(g: Ground) -> None:
    task = TASKS.get("clevr")
    label = next(iter(task.items("mini"))).label
    assert label.query is Query.TEXT_RETRIEVAL
    true = Scores(label.id, np.full((1, 2), 60.0))
    forged = Scores(label.id, np.array([[60.0, np.nextafter(60.0, 0)]]))
    found = compare(task, label, forged, true, Spread(scores=9e-3), size_of(true))
    assert found.flipped


@attack("one score is not a number", "finite check")
def _(g: Ground) -> None:
    scores = perfect(g)
    matrix = scores[0].matrix.copy()
    matrix[0, 1] = np.nan
    invent(g, "hollow", [replace(scores[0], matrix=matrix), *scores[1:]])
    assert levels(judged(g))["hollow/1/winoground"] is Level.FAILED


@attack("an item is scored twice and the better one kept", "ids of the items")
def _(g: Ground) -> None:
    scores = perfect(g)
    folder = invent(g, "double", scores)
    from gdbench.submissions.scores import encode

    (folder / "scores.parquet").write_bytes(encode([*scores, scores[0]], errors=False))
    assert levels(judged(g))["double/1/winoground"] is Level.FAILED


@attack("the items that were wrong are left out", "ids of the items")
def _(g: Ground) -> None:
    folder = invent(g, "selective", perfect(g))
    from gdbench.submissions.scores import encode

    (folder / "scores.parquet").write_bytes(encode(perfect(g)[:-3], errors=False))
    assert levels(judged(g))["selective/1/winoground"] is Level.FAILED


@attack("an audit log lies in a folder of the submission", "only the log of the target branch")
def _(g: Ground) -> None:
    folder = invent(g, "best", perfect(g))
    for place in (g.proposed / "best", g.proposed / "best/1", folder):
        write_audited(place, [entry("best/1/winoground", folder)])
    report = judged(g)
    assert not report.ok
    assert not levels(report)["best/1/winoground"].ranked


@attack("audited scores are exchanged for better ones", "an audit speaks of a hash")
def _(g: Ground) -> None:
    old = entry(VICTIM, g.base / VICTIM)
    write_audited(g.tmp, [old])
    made = invent(g, "better", perfect(g))
    shutil.rmtree(g.proposed / VICTIM)
    shutil.move(made, g.proposed / VICTIM)
    new = json.loads((g.proposed / VICTIM / "record.json").read_text())["scores_sha256"]
    logs = Logs.read(g.tmp)
    assert logs.audit(VICTIM, old.scores_sha256, 30) is not None
    assert logs.audit(VICTIM, new, 30) is None
    assert refused(judged(g), f"{VICTIM}/scores.parquet", "replaced")


@attack("an audit entry of more items than the task has", "an entry that cannot be has no effect")
def _(g: Ground) -> None:
    folder = invent(g, "best", perfect(g))
    write_audited(g.tmp, [replace(entry("best/1/winoground", folder), items=99, of=30)])
    report = verify(g.proposed, SOURCE, log=g.tmp)
    assert not levels(report)["best/1/winoground"].ranked
    assert any("99 items of 30" in p.problem for p in report.problems)


@attack("a score file that is a pipe and never ends", "plain files alone are read")
def _(g: Ground) -> None:
    folder = invent(g, "endless", perfect(g))
    (folder / "scores.parquet").unlink()
    os.mkfifo(folder / "scores.parquet")
    assert not judged(g).ok


@attack("a record nested ten thousand deep", "limits of JSON")
def _(g: Ground) -> None:
    folder = invent(g, "deep", perfect(g))
    raw = (folder / "record.json").read_text()
    nested = '"extra":' + '{"a":' * 10_000 + "1" + "}" * 10_000 + ","
    (folder / "record.json").write_text("{" + nested + raw[1:])
    assert levels(judged(g))["deep/1/winoground"] is Level.FAILED


@attack("a picture of two kilobytes that unfolds to gigabytes", "pixels counted before decoding")
def _(g: Ground) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            len(data).to_bytes(4, "big") + kind + data
            + zlib.crc32(kind + data).to_bytes(4, "big")
        )  # fmt: skip

    side = (60_000).to_bytes(4, "big")
    png = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", side + side + bytes([8, 2, 0, 0, 0]))
        + chunk(b"IDAT", zlib.compress(bytes(1_000_000)))
        + chunk(b"IEND", b"")
    )
    assert len(png) < 3000
    with pytest.raises(InputError):
        decode(png, "x.png")


@attack("a file of pins that names another sum for a shipped one", "shipped pins are held to")
def _(g: Ground) -> None:
    from gdbench.data import pins

    shipped, own = g.tmp / "shipped.json", g.tmp / "own.json"
    shipped.write_text(json.dumps({"https://example.org/a": "a" * 64}))
    own.write_text(json.dumps({"https://example.org/a": "b" * 64}))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(pins, "SHIPPED", shipped)
        with pytest.raises(InputError, match="another sha256"):
            Pins(own)
        assert Pins().get("https://example.org/a") == "a" * 64
    own.write_text('{"https://example.org/a": "nothing"}')
    with pytest.raises(InputError, match="has no sha256"):
        Pins(own)


@attack("a copy through another precision", "order within items")
def _(g: Ground) -> None:
    like = "denoising/2/winoground"
    invent(
        g, "mine", changed(g, like, lambda m: m.astype(np.float16).astype(np.float32)),
        like=like, family="diffusion-unet",
    )  # fmt: skip
    assert levels(judged(g))["mine/1/winoground"] is Level.FAILED
