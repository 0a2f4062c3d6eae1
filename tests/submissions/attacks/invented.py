"""Numbers without anybody having run anything, and audits that are prepared for."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np

from gdbench.leaderboard.gather.catalogue import tasks_of
from gdbench.leaderboard.gather.entries import Entry
from gdbench.leaderboard.judge.whole import build_board
from gdbench.leaderboard.judged.reading import Reading
from gdbench.leaderboard.judged.trust import Trust
from gdbench.leaderboard.show.pages.measured import summary
from gdbench.protocol import ModelCard, Scores
from gdbench.records import ResultRecord
from gdbench.submissions.agreement import Spread, compare
from gdbench.submissions.at_hand import loader
from gdbench.submissions.audit import Wanted, audit
from gdbench.submissions.draw import Questions, drawn, plan, seed_of
from gdbench.submissions.levels import Level
from gdbench.submissions.verify import verify
from gdbench.tasks import GDBENCH, TASKS
from tests.submissions.attacks.ground import (
    SOURCE,
    VICTIM,
    Ground,
    attack,
    invent,
    judged,
    levels,
    perfect,
)


def board(records: list[ResultRecord], level: str) -> tuple[object, ...]:
    entries = [Entry(r, Path(f"/nowhere/{i}/record.json"), str(i)) for i, r in enumerate(records)]
    readings = {e.file: Reading(Trust(level)) for e in entries}
    return build_board(entries, tasks_of(entries), readings).pools


def eight(g: Ground, name: str, suite: str, value: float) -> list[ResultRecord]:
    one = ResultRecord.model_validate_json((g.base / VICTIM / "record.json").read_bytes())
    found = []
    for name_of_task in GDBENCH:
        task = TASKS.get(name_of_task)
        metrics = tuple(
            one.metrics[0].model_copy(update={"name": m.name, "value": value, "low": None,
                                              "high": None})
            for m in task.measures
        )  # fmt: skip
        n = task.n_expected(suite, None)
        info = one.task.model_copy(
            update={"name": task.name, "suite": suite, "version": task.version, "limit": None,
                    "n_items": n, "n_expected": n}
        )  # fmt: skip
        found.append(
            one.model_copy(
                update={"task": info, "metrics": metrics, "score": value,
                        "scores_sha256": hashlib.sha256(task.name.encode()).hexdigest(),
                        "model": ModelCard(name=name, revision="1")}
            )
        )  # fmt: skip
    return found


def of_revision(records: list[ResultRecord], name: str, revision: str) -> list[ResultRecord]:
    card = ModelCard(name=name, revision=revision)
    return [r.model_copy(update={"model": card}) for r in records]


def standing(groups: list[tuple[list[ResultRecord], str]]) -> dict[str, tuple[str, bool]]:
    """Whose variant each row is, and whether it has a rank."""
    entries, readings = [], {}
    for records, level in groups:
        for record in records:
            path = Path(f"/nowhere/{len(entries)}/record.json")
            entries.append(Entry(record, path, str(len(entries))))
            readings[path] = Reading(Trust(level))
    (pool,) = build_board(entries, tasks_of(entries), readings).pools
    return {r.model.name: (r.variant_of, r.place is not None) for r in pool.rows}


@attack("a revision of which a ranked rival would be a variant", "what nobody ran again leads none")
def _(g: Ground) -> None:
    rival = (of_revision(eight(g, "rival", "full", 0.5), "rival", "abc1234567+lora-1"), "audited")
    honest = (of_revision(eight(g, "base", "full", 0.4), "base", "abc1234567"), "audited")
    mine = (of_revision(eight(g, "mine", "full", 0.1), "mine", "abc1234567"), "consistent")
    assert standing([rival]) == {"rival": ("", True)}
    assert standing([rival, mine]) == {"rival": ("", True), "mine": ("", False)}
    # nor does one more model of that revision give a variant a rank of its own
    assert standing([rival, honest])["rival"] == ("base@abc1234567", False)
    assert standing([rival, honest, mine])["rival"] == ("base@abc1234567", False)


@attack("records without scores, every metric 7.5", "level reported: no rank")
def _(g: Ground) -> None:
    for record in eight(g, "boaster", "mini", 7.5):
        folder = g.proposed / "boaster" / "1" / record.task.name
        folder.mkdir(parents=True)
        (folder / "record.json").write_text(record.model_dump_json())
    found = levels(judged(g))
    assert {v for p, v in found.items() if p.startswith("boaster")} == {Level.REPORTED}
    honest = eight(g, "honest", "mini", 0.5)
    (pool,) = board(eight(g, "boaster", "mini", 7.5) + honest, "reported")
    assert all(row.place is None for row in pool.rows)
    assert summary(pool) == ""


@attack("full-suite numbers that nobody can check", "level unavailable: no rank")
def _(g: Ground) -> None:
    (pool,) = board(eight(g, "boaster", "full", 1.0), "unavailable")
    assert pool.rows[0].place is None
    assert summary(pool) == ""


@attack("an invented model whose numbers follow from its scores", "level consistent: no rank")
def _(g: Ground) -> None:
    invent(g, "invented", perfect(g))
    report = judged(g)
    level = levels(report)["invented/1/winoground"]
    assert not level.ranked
    (pool,) = board(eight(g, "invented", "mini", 1.0), "consistent")
    assert pool.rows[0].place is None
    done = audit(
        verify(g.proposed / "invented", SOURCE, log=g.base), SOURCE, loader(None), Wanted()
    )
    assert not done.ok


@attack("a model that is not at hand is run again", "not audited, exit code 1")
def _(g: Ground) -> None:
    done = audit(verify(g.base, SOURCE), SOURCE, loader(None), Wanted(share=0.5))
    assert not done.ok
    assert all("not registered" in t.skipped and not t.items for t in done.tasks)


@attack("a run of the mini suite is called full", "items of another suite")
def _(g: Ground) -> None:
    path = invent(g, "promoted", perfect(g)) / "record.json"
    raw = json.loads(path.read_text())
    raw["task"] |= {"suite": "full", "n_expected": 400}
    path.write_text(json.dumps(raw))
    assert levels(judged(g))["promoted/1/winoground"] is Level.FAILED


@attack("a limit above the item count makes a pool of its own", "pools by items")
def _(g: Ground) -> None:
    records = [
        r.model_copy(update={"task": r.task.model_copy(update={"limit": 10**6})})
        for r in eight(g, "alone", "mini", 0.1)
    ]
    (pool,) = board(records + eight(g, "first", "mini", 0.9), "audited")
    places = {row.model.name: row.place.text for row in pool.rows}
    assert places == {"first": "1", "alone": "2"}


@attack("true scores just where an audit of a known seed would look", "drawn after the scores")
def _(g: Ground) -> None:
    q = Questions(tuple(f"i{k}" for k in range(400)), np.full(400, 1 / 400))
    n = plan({"t": q}, 0.02, 0.99)["t"]
    guessed = drawn(q.ids, n, seed_of("1", {"t": "0" * 64}), "t")
    forged = set([i for i in q.ids if i not in guessed][:8])
    found = [
        bool(forged & drawn(q.ids, n, seed_of(f"beacon {k}", {"t": "0" * 64}), "t"))
        for k in range(300)
    ]
    assert np.mean(found) > 0.96


def one_item(task: str) -> tuple[object, object, np.ndarray]:
    found = TASKS.get(task)
    label = next(iter(found.items("mini"))).label
    return found, label, np.zeros((label.n_images, label.n_texts), dtype=np.float32)


def half(matrix: np.ndarray) -> np.ndarray:
    return matrix.astype(np.float16).astype(np.float32)


@attack("bfloat16 scores pushed towards gold inside the tolerance", "a flip is never tolerated")
def _(g: Ground) -> None:
    task, label, zero = one_item("winoground")
    true = zero + np.array([[30.0, 30.2], [30.3, 30.1]], dtype=np.float32)
    forged = true + np.eye(2, dtype=np.float32) * 0.4
    spread = Spread(scores=9e-3)  # what real half precision shows
    found = compare(task, label, Scores(label.id, forged), Scores(label.id, true), spread)
    assert found.flipped
    assert not found.agrees


@attack("swapped candidates in half precision", "a flip is never tolerated")
def _(g: Ground) -> None:
    task, label, zero = one_item("clevr")
    true = zero + np.array([[60.0, 60.4]], dtype=np.float32)
    found = compare(
        task, label, Scores(label.id, half(true[:, ::-1])), Scores(label.id, half(true)),
        Spread(scores=9e-3),
    )  # fmt: skip
    assert found.flipped


@attack("a constant model in half precision", "a tie is another answer")
def _(g: Ground) -> None:
    task, label, zero = one_item("clevr")
    true = Scores(label.id, zero + np.array([[60.0, 60.4]], dtype=np.float32))
    constant = Scores(label.id, zero + np.float32(60.2))
    assert compare(task, label, constant, true, Spread(scores=9e-3)).flipped


@attack("invented per-timestep errors under true scores", "errors are compared")
def _(g: Ground) -> None:
    task, label, zero = one_item("clevr")
    matrix = zero + np.array([[60.0, 60.4]], dtype=np.float32)
    errors = np.full((1, 2, 10), 50.0, dtype=np.float32)
    forged = errors + np.linspace(-1, 1, 10, dtype=np.float32)  # the same mean
    found = compare(
        task, label, Scores(label.id, matrix, forged), Scores(label.id, matrix, errors),
        Spread(errors=1e-5),
    )  # fmt: skip
    assert not found.agrees
    assert "errors differ" in found.fault
