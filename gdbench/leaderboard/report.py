"""One run as one HTML file that needs nothing else."""

from gdbench.leaderboard.show.report import write_report

__all__ = ["write_report"]
