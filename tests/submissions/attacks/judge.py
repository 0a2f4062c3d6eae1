"""Attacks on the judge, its logs, and what others have landed."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from gdbench.errors import InputError
from gdbench.submissions.hub import _TRAVELS
from gdbench.submissions.levels import Level
from gdbench.submissions.logs import write_audited
from gdbench.submissions.verify import verify
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


@attack("an audit log is typed into the pull request", "logs come from the target branch")
def _(g: Ground) -> None:
    folder = invent(g, "best", perfect(g))
    write_audited(g.proposed, [entry("best/1/winoground", folder)])
    report = judged(g)
    assert not report.ok
    assert refused(report, "AUDITED.toml", "added")
    assert not levels(report)["best/1/winoground"].ranked


@attack("a rival is withdrawn by the pull request", "logs come from the target branch")
def _(g: Ground) -> None:
    (g.proposed / "INVALIDATED.toml").write_text(
        '[[invalidated]]\npath = "hashing"\nreason = "slow"\ndate = "2026-01-31"\n'
    )
    report = judged(g)
    assert refused(report, "INVALIDATED.toml", "added")
    assert levels(report)[VICTIM] is not Level.INVALIDATED


@attack("a rival is deleted", "append-only check")
def _(g: Ground) -> None:
    shutil.rmtree(g.proposed / "hashing")
    assert refused(judged(g), f"{VICTIM}/record.json", "deleted")


@attack("every submission is deleted", "append-only check")
def _(g: Ground) -> None:
    shutil.rmtree(g.proposed)
    g.proposed.mkdir()
    assert refused(judged(g), f"{VICTIM}/record.json", "deleted")


@attack("a rival's numbers are overwritten", "append-only check")
def _(g: Ground) -> None:
    shutil.rmtree(g.proposed / "hashing/1/winoground")
    rng = np.random.default_rng(1)
    worse = changed(g, VICTIM, lambda m: rng.permutation(m.ravel()).reshape(m.shape))
    made = invent(g, "worse", worse)
    shutil.move(made, g.proposed / "hashing/1/winoground")
    assert refused(judged(g), f"{VICTIM}/scores.parquet", "replaced")


@attack("a rival's file is emptied", "append-only check")
def _(g: Ground) -> None:
    (g.proposed / VICTIM / "record.json").write_bytes(b"")
    assert refused(judged(g), f"{VICTIM}/record.json", "emptied")


@attack("a rival's file becomes a link", "append-only check")
def _(g: Ground) -> None:
    path = g.proposed / VICTIM / "record.json"
    shutil.move(path, g.tmp / "elsewhere.json")
    path.symlink_to(g.tmp / "elsewhere.json")
    assert refused(judged(g), f"{VICTIM}/record.json", "replaced")


@attack("a bad task is added to a rival's revision", "append-only check")
def _(g: Ground) -> None:
    folder = g.proposed / "hashing/1/svo"
    folder.mkdir()
    (folder / "record.json").write_text("{}")
    assert refused(judged(g), "hashing/1/svo/record.json", "added")


@attack("a file of git's that changes rivals' bytes at the next checkout", "append-only check")
def _(g: Ground) -> None:
    (g.proposed / ".gitattributes").write_text("*.parquet text eol=crlf\n")
    (g.proposed / ".gitignore").write_text("*\n")
    report = judged(g)
    assert not report.ok
    assert refused(report, ".gitattributes", "added")
    assert refused(report, ".gitignore", "added")


@attack("`--against` names a folder that is not there", "exit code 2")
def _(g: Ground) -> None:
    with pytest.raises(InputError, match="--against"):
        verify(g.proposed, SOURCE, against=g.tmp / "nosuch")


@attack("a hub repository brings logs of its own", "logs do not travel")
def _(g: Ground) -> None:
    assert _TRAVELS.match("a/1/svo/record.json")
    assert not any(map(_TRAVELS.match, ("AUDITED.toml", "INVALIDATED.toml", "RESCORED.toml")))
