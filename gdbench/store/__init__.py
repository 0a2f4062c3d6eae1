"""The score log of a task: columns, files that are whole or found out, and the log made of them."""

from gdbench.store.columns import SCHEMA, SCORE_COLUMNS, WIDE_SCHEMA, Block, from_table, to_table
from gdbench.store.digests import ScoresHash, hash_scores
from gdbench.store.files import write_atomically
from gdbench.store.fragments import DamagedError
from gdbench.store.log import Clocks, ScoreLog

__all__ = [
    "SCHEMA",
    "SCORE_COLUMNS",
    "WIDE_SCHEMA",
    "Block",
    "Clocks",
    "DamagedError",
    "ScoreLog",
    "ScoresHash",
    "from_table",
    "hash_scores",
    "to_table",
    "write_atomically",
]
