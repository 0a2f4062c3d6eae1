"""Every attack on the board that we know, as a function that carries it out and is stopped.

A case does what an attacker would do to a tree of submissions (or to whatever reads one) and
asserts that it is caught. `docs/make_threats.py` runs them and writes the table of the docs.
"""

from tests.submissions.attacks import (  # noqa: F401 # their cases
    copied,
    hostile_files,
    impossible,
    invented,
    judge,
    variants,
)
from tests.submissions.attacks.ground import CASES, Ground

__all__ = ["CASES", "Ground"]
