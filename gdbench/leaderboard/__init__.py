"""The leaderboard: records in, a static site out (Jinja, no network, works from `file://`)."""

from gdbench.leaderboard.judge.keep import Keep
from gdbench.leaderboard.site import Built, build, differences

__all__ = ["Built", "Keep", "build", "differences"]
