"""Data of a user's own, in any of four containers, read into rows and asked about."""

from gdbench.data.own.options import Ask, DataOptions
from gdbench.data.own.reading import OwnData, read_own

__all__ = ["Ask", "DataOptions", "OwnData", "read_own"]
