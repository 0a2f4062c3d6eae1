"""Records, logs and trees that cannot be: what they say has no meaning, or hides something."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gdbench.errors import InputError
from gdbench.leaderboard.gather.entries import load
from gdbench.leaderboard.serve import fingerprint
from gdbench.leaderboard.site import make
from gdbench.metrics.denoising import matrix_of
from gdbench.metrics.summary import score_interval, summarise, task_score
from gdbench.protocol import Scores
from gdbench.records import Content, ModelSettings, ResultRecord
from gdbench.signature import signature
from gdbench.store import hash_scores
from gdbench.submissions.finished import open_finished
from gdbench.submissions.levels import Level
from gdbench.submissions.logs import write_audited
from gdbench.submissions.scores import encode
from gdbench.submissions.verify import verify
from gdbench.tasks import TASKS
from tests.submissions.attacks.ground import (
    SOURCE,
    VICTIM,
    Ground,
    attack,
    entry,
    invent,
    judged,
    levels,
    perfect,
)
from tests.submissions.conftest import Denoising
from tests.submissions.tampering import encrypted, put

DENOISING = "denoising/2/winoground"


def refuses(g: Ground, *edit: object, like: str = VICTIM) -> bool:
    """Whether one more record with an edited field fails, and nobody else does."""
    name = f"mine{len(list(g.proposed.iterdir()))}"
    family = "other" if like == VICTIM else "diffusion-unet"
    folder = invent(g, name, like=like, family=family, url="https://example.org/")
    put(*edit, folder=folder)(g.proposed)
    report = judged(g)
    (failed,) = (v for v in report.submissions if v.place.model == name)
    own = [p for p in failed.problems if p.check != "duplicate"]
    shutil.rmtree(g.proposed / name)
    return failed.level is Level.FAILED and bool(own)


def logged(
    g: Ground, change: Callable[[Scores, ModelSettings], Scores], **settings: object
) -> Path:
    """A consistent submission with errors: scores and every number follow from changed ones."""
    model = Denoising(schedule="nested")
    finished = open_finished(g.base / DENOISING, SOURCE)
    task, labels = finished.task, finished.labels
    chosen = model.settings.model_copy(update=settings)
    known = {s.item_id for s in finished.scores}
    items = [i for i in TASKS.get("winoground").items("mini", None, None) if i.id in known]
    made = {s.item_id: change(s, chosen) for s in model.score_items(items)}
    scores = [made[s.item_id] for s in finished.scores]
    matrices = [s.matrix for s in scores]
    metrics = summarise(task.measures, labels, matrices, errors=lambda: scores, settings=chosen)
    interval = score_interval(task.measures, task.primary, labels, matrices)
    card = finished.record.model.model_copy(update={"name": "logged"})
    record = finished.record.model_copy(
        update={
            "model": card, "settings": chosen, "metrics": metrics,
            "score": task_score(task.primary, metrics),
            "score_low": interval.low if interval else None,
            "score_high": interval.high if interval else None,
            "scores_sha256": hash_scores(scores), "log_sha256": None, "items_root": None,
            "signature": signature(finished.record.task, card, chosen, finished.record.content),
        }
    )  # fmt: skip
    folder = g.proposed / "logged/2/winoground"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "scores.parquet").write_bytes(encode(scores, errors=True))
    (folder / "record.json").write_text(record.model_dump_json())
    return folder


def found(g: Ground) -> str:
    """What is wrong with the scores that were logged."""
    report = verify(g.proposed / "logged", SOURCE)
    return " ".join(p.problem for p in report.problems)


def cut(k: int) -> Callable[[Scores, ModelSettings], Scores]:
    """The errors of the first timesteps, and the scores that follow from them."""

    def change(s: Scores, settings: ModelSettings) -> Scores:
        errors, base = s.errors[..., :k], s.unconditional_errors[..., :k]
        return replace(
            s, errors=errors, unconditional_errors=base, matrix=matrix_of(errors, base, settings)
        )

    return change


@attack("a stopping rule is named, without level or timesteps", "a rule has what it rests on")
def _(g: Ground) -> None:
    assert refuses(g, "settings", "stop", "sequential", like=DENOISING)
    assert refuses(g, "settings", "delta", 0.05)
    assert refuses(g, "settings", "stop_ranks", [0], like=DENOISING)


@attack("items end where it suits, and a stopping rule is named", "the rule is asked again")
def _(g: Ground) -> None:
    for rule, delta in (("sequential", 0.05), ("predictive", 0.2)):
        logged(g, cut(5), stop=rule, delta=delta)
        assert "errors, the rule asks for" in found(g)

    def longest(s: Scores, settings: ModelSettings) -> Scores:
        return max((cut(k)(s, settings) for k in (8, 12)), key=lambda c: np.trace(c.matrix))

    logged(g, longest, stop="sequential", delta=0.05)
    assert "errors, the rule asks for" in found(g)


@attack("errors of fewer timesteps than the record names", "errors are counted")
def _(g: Ground) -> None:
    logged(g, cut(12))
    assert not found(g)
    logged(g, cut(3))
    assert "has 3 errors of a pair" in found(g)


@attack("one huge error under which any scores would follow", "tolerance of the usual error")
def _(g: Ground) -> None:
    def pushed(s: Scores, settings: ModelSettings) -> Scores:
        errors = s.errors.copy()
        errors[..., 0] = 1e7
        matrix = matrix_of(errors, s.unconditional_errors, settings)
        return replace(s, errors=errors, matrix=matrix + np.eye(2, dtype=np.float32) * 80)

    logged(g, pushed)
    assert "do not follow from the errors" in found(g)


@attack("the best of many seeds, task by task", "a revision has one setting and content")
def _(g: Ground) -> None:
    invent(g, "mine")
    folder = invent(g, "mine", like="hashing/1/bias")

    def told() -> list[str]:
        found = judged(g).problems
        return [p.problem for p in found if "of a revision with one setting" in p.problem]

    assert not told()
    true = ResultRecord.model_validate_json((folder / "record.json").read_bytes())
    for change in (
        {"settings": true.settings.model_copy(update={"seed": 7})},
        {"content": Content(parts={"hash": "3" * 64})},
    ):
        record = true.model_copy(update=change)
        text = signature(record.task, record.model, record.settings, record.content)
        record = record.model_copy(update={"signature": text})
        (folder / "record.json").write_text(record.model_dump_json())
        (problem,) = told()
        assert next(iter(change)).replace("settings", "seed") in problem


@attack("fewer passes of the network than there are errors", "passes are counted")
def _(g: Ground) -> None:
    folder = logged(g, cut(12))
    put("cost", "unet_evaluations", 400, folder=folder)(g.proposed)
    assert "unet_evaluations is 400" in found(g)


@attack("limits and seeds of 2^63, which no other program reads", "ranges of the schema")
def _(g: Ground) -> None:
    for where in (("task", "limit"), ("task", "item_seed"), ("settings", "seed")):
        assert refuses(g, *where, 2**63)
    assert refuses(g, "resampling_seed", 10**1000)


@attack("costs below zero, and more than all machines have", "ranges of costs")
def _(g: Ground) -> None:
    for name, value in (
        ("wall_seconds", -1.0), ("wall_seconds", 1e308), ("wall_seconds", 1e-300),
        ("device_seconds", -1.0), ("peak_memory_bytes", 10**30), ("peak_device_memory_bytes", -1),
        ("peak_device_memory_bytes", 10**30),
    ):  # fmt: skip
        assert refuses(g, "cost", name, value)


@attack("a day that is none, or not yet", "days of the calendar, in UTC")
def _(g: Ground) -> None:
    for created in ("2026-W48-7T00:00:00+00:00", "2199-01-01T00:00:00+00:00",
                    "2026-11-29T23:00:00+14:00"):  # fmt: skip
        assert refuses(g, "created", created)
    folder = invent(g, "best", perfect(g))
    for date in ("2026-99-99", "2026-02-30", "2199-01-01"):
        write_audited(g.tmp, [replace(entry("best/1/winoground", folder), date=date)])
        report = verify(g.proposed, SOURCE, log=g.tmp)
        assert not report.ok
        assert not levels(report)["best/1/winoground"].ranked


@attack("an address that leads elsewhere than it seems", "public hosts in plain letters")
def _(g: Ground) -> None:
    for url in ("https://huggingface.co@b.example", "https:///a", "http://127.0.0.1/",
                "https://\u0430rxiv.org/", "https://arxiv.org\u3002b.example/"):  # fmt: skip
        assert refuses(g, "model", "url", url)


@attack("texts that break lines, or cover those above (U+2028, piled marks)", "characters of texts")
def _(g: Ground) -> None:
    for text in ("MIT\u2028audited", "a" + 30 * "\u0301", "MIT\u202etidua", "\ufeffMIT"):
        assert refuses(g, "model", "license", text)
    for like in (VICTIM, DENOISING):
        assert not refuses(g, "model", "license", "CC BY-SA 4.0, \u6771\u4eac", like=like)


@attack("a column of the scores is encrypted, which ends Arrow's process", "footer before Arrow")
def _(g: Ground) -> None:
    encrypted(g.proposed)
    assert "is encrypted" in " ".join(p.problem for p in judged(g).problems)


@attack("a tree that looks like a revision's, and everything else is gone", "whole trees compared")
def _(g: Ground) -> None:
    # named as the folder in which the judge finds the proposed tree
    tree = g.tmp / "checkout" / "submissions"
    folder = invent(g, "checkout", perfect(g))
    record = json.loads((folder / "record.json").read_text())
    record["model"]["revision"] = "submissions"
    record["signature"] = record["signature"].replace("checkout@1", "checkout@submissions")
    tree.mkdir(parents=True)
    shutil.move(folder, tree / "winoground")
    (tree / "winoground/record.json").write_text(json.dumps(record))
    report = verify(tree, SOURCE, against=g.base)
    assert not report.ok
    assert any(t.change == "deleted" and VICTIM in t.path for t in report.touched)


@attack("a tree that looks like a run, whose other results nobody reads", "a judge reads no run")
def _(g: Ground) -> None:
    shutil.copytree(g.base / VICTIM, g.proposed / "winoground")
    (g.proposed / "run.json").write_text("{}")
    (g.proposed / "false/1/winoground").mkdir(parents=True)
    (g.proposed / "false/1/winoground/record.json").write_text("{}")
    report = judged(g)
    assert "run.json" in {p.path for p in report.problems}
    assert levels(report)["false/1/winoground"] is Level.FAILED


@attack("a record above the tasks, that hides what is below", "the level with most records")
def _(g: Ground) -> None:
    shutil.copy(g.base / VICTIM / "record.json", g.proposed / "record.json")
    report = judged(g)
    assert {p.path for p in report.problems} == {"record.json"}
    assert len(report.submissions) == len(levels(verify(g.base, SOURCE)))
    with pytest.raises(InputError, match="stands above a task"):
        load(g.proposed)


@attack("folders fifteen hundred deep", "files are listed without a call for each level")
def _(g: Ground) -> None:
    before = Path.cwd()
    try:
        os.chdir(g.proposed)
        for _ in range(1500):
            Path("d").mkdir()
            os.chdir("d")
        Path("file").write_text("x")
    finally:
        os.chdir(before)
    report = judged(g)
    assert any(t.path.endswith("/d/file") for t in report.touched)
    assert any(p.check == "layout" for p in report.problems)
    assert len(fingerprint([g.proposed])) == 1 + len(fingerprint([g.base]))
    # what clears up after tests calls itself for each level too
    top, rest = g.proposed / "d", g.proposed / "rest"
    while top.is_dir():
        at = top
        for _ in range(300):
            at = at / "d" if (at / "d").is_dir() else at
        if at != top:
            at.rename(rest)
        shutil.rmtree(top)
        if rest.is_dir():
            rest.rename(top)


@attack("an entry that withdraws a result is broken", "a board is not built without its logs")
def _(g: Ground) -> None:
    text = '[[invalidated]]\npath = "hashing"\nreason = "x"\ndate = "2026-01-32"\n'
    (g.proposed / "INVALIDATED.toml").write_text(text)
    with pytest.raises(InputError, match="date is '2026-01-32'"):
        make(g.proposed)
    (g.proposed / "INVALIDATED.toml").unlink()
    os.mkfifo(g.proposed / "INVALIDATED.toml")
    with pytest.raises(InputError, match="not a regular file"):
        make(g.proposed)


@attack("an audit of one item of one, for a task of thirty", "an entry counts the result's items")
def _(g: Ground) -> None:
    folder = invent(g, "best", perfect(g))
    write_audited(g.tmp, [replace(entry("best/1/winoground", folder), items=1, of=1)])
    report = verify(g.proposed, SOURCE, log=g.tmp)
    assert not levels(report)["best/1/winoground"].ranked
    assert any("says 1 items, the result has 30" in n.problem for n in report.notes)
