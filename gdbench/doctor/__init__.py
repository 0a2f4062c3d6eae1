"""`gdbench doctor`: what this machine can do, what is missing, and what to do about it."""

from gdbench.doctor.findings import Finding, Section, examine

__all__ = ["Finding", "Section", "examine"]
