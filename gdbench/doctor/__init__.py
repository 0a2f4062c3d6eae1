"""`gdbench doctor`: what this machine can do, what is missing, and what to do about it."""

from gdbench.doctor.examination import Section, examine
from gdbench.doctor.findings import Finding

__all__ = ["Finding", "Section", "examine"]
