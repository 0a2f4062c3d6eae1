"""What is wrong with a submission, as values."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Problem:
    """One finding of `gdbench verify`."""

    path: str
    """Below the verified folder, with `/`."""
    check: str
    """Which check failed: layout, file, json, schema, text, manifest, unavailable, missing, scores,
    ids, finite, hash, count, metric, score, signature, cost, environment, created, duplicate, log,
    rescore."""
    problem: str
    """What was found, what was expected."""

    def as_dict(self) -> dict[str, str]:
        """For JSON."""
        return asdict(self)


class Rejected(Exception):  # noqa: N818 # no error of the program: the answer to a bad file
    """A check cannot go on; carries the problem's check and text."""

    def __init__(self, check: str, problem: str) -> None:
        super().__init__(problem)
        self.check = check
        self.problem = problem
