"""Results and names that are another's."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np

from gdbench.protocol import Scores
from gdbench.records import ResultRecord
from gdbench.submissions.levels import Level
from gdbench.submissions.merkle import proof_of
from gdbench.submissions.names import unusable
from tests.submissions.attacks.ground import (
    VICTIM,
    Ground,
    attack,
    changed,
    invent,
    judged,
    levels,
    perfect,
)


def blamed(g: Ground, scores: list[Scores], **card: object) -> bool:
    folder = invent(g, "mine", scores, **card)
    raw = json.loads((folder / "record.json").read_text())
    raw["created"] = "2023-02-01T00:00:00+00:00"  # long before the victim, it says
    (folder / "record.json").write_text(json.dumps(raw))
    found = levels(judged(g))
    return found["mine/1/winoground"] is Level.FAILED and found[VICTIM] is not Level.FAILED


@attack("a copy, with a date before the original's", "the one that had not landed is blamed")
def _(g: Ground) -> None:
    assert blamed(g, changed(g, VICTIM, lambda m: m))


@attack("a copy that is scaled and shifted", "rank correlation of scores")
def _(g: Ground) -> None:
    assert blamed(g, changed(g, VICTIM, lambda m: m * np.float32(3) + np.float32(7)))


@attack("a copy with a little noise", "rank correlation of scores")
def _(g: Ground) -> None:
    rng = np.random.default_rng(0)
    like = "denoising/2/winoground"
    folder = invent(
        g, "mine",
        changed(g, like, lambda m: m + rng.normal(scale=1e-4, size=m.shape).astype(np.float32)),
        like=like, family="diffusion-unet",
    )  # fmt: skip
    assert folder.is_dir()
    assert levels(judged(g))["mine/1/winoground"] is Level.FAILED


@attack("a copy bent by another function in every item", "order within items")
def _(g: Ground) -> None:
    rng = np.random.default_rng(0)
    assert blamed(
        g, changed(g, VICTIM, lambda m: (np.exp(m / 40) * rng.uniform(1, 9)).astype(np.float32))
    )


@attack("a copy that calls itself a control", "controls are compared too")
def _(g: Ground) -> None:
    assert blamed(g, changed(g, VICTIM, lambda m: m * np.float32(2)), family="control")


@attack("one item is edited afterwards", "Merkle root over the items")
def _(g: Ground) -> None:
    record = ResultRecord.model_validate_json((g.base / VICTIM / "record.json").read_bytes())
    scores = changed(g, VICTIM, lambda m: m)
    proof = proof_of(scores[3].item_id, scores, record.settings.noise_sha256)
    assert proof.root == record.items_root
    scores[3] = replace(scores[3], matrix=scores[3].matrix[:, ::-1])
    assert proof_of(scores[4].item_id, scores, record.settings.noise_sha256).root != proof.root


@attack("names of devices, and names that end with a dot", "reserved names")
def _(g: Ground) -> None:
    for name in ("CON", "nul.txt", "model.", "lpt1", "Aux.v2"):
        assert unusable(name)
    invent(g, "CON", perfect(g))
    assert "name" in {p.check for p in judged(g).problems}


@attack("a registered model's name with another source", "names of the zoo")
def _(g: Ground) -> None:
    invent(g, "sd2.1", perfect(g), family="diffusion-unet", source="someone/else")
    assert levels(judged(g))["sd2.1/1/winoground"] is Level.FAILED


@attack("a name that looks like another's (sd2.l)", "confusable names")
def _(g: Ground) -> None:
    invent(g, "sd2.l", perfect(g))
    report = judged(g)
    assert "is easily confused with 'sd2.1'" in " ".join(p.problem for p in report.problems)
    assert levels(report)["sd2.l/1/winoground"] is Level.FAILED


@attack("a look-alike whose name sorts before a rival's", "the one that had not landed is blamed")
def _(g: Ground) -> None:
    invent(g, "HASH1NG", perfect(g))
    found = levels(judged(g))
    assert found["HASH1NG/1/winoground"] is Level.FAILED
    assert found[VICTIM] is not Level.FAILED


@attack("a name that differs from a rival's only in case", "confusable names")
def _(g: Ground) -> None:
    invent(g, "HASHING", perfect(g))
    assert any(p.check in ("name", "duplicate") for p in judged(g).problems)
