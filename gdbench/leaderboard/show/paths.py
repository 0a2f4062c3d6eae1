"""Addresses of pages and data: they never change for the same model, task and suite."""

from __future__ import annotations

from dataclasses import dataclass

from gdbench.leaderboard.judged.board import Pool
from gdbench.leaderboard.words import file_name
from gdbench.records import ResultRecord


def model_page(slug: str) -> str:
    """Page of a model."""
    return f"models/{slug}.html"


def measured_page(pool: Pool) -> str:
    """Page of a pool's table."""
    return f"measured/{pool_key(pool)}.html"


def part_path(pool: Pool, part: int) -> str:
    """A further file of a pool's results, from the second on."""
    return f"data/{pool_key(pool)}-{part}.json"


def published_page(slug: str) -> str:
    """Page of a model's published numbers."""
    return f"published/{slug}.html"


def task_page(name: str) -> str:
    """Page of a task."""
    return f"tasks/{file_name(name)}.html"


def record_path(record: ResultRecord, slug: str) -> str:
    """A record: the model, the task, the suite and what else may differ."""
    task = record.task
    mode = task.compat
    parts = [file_name(task.name), file_name(task.suite)]
    parts += [mode] if mode else []
    parts += [f"limit{task.limit}"] if task.limit is not None else []
    return f"records/{slug}/{'.'.join(parts)}.json"


def scores_path(record: ResultRecord, slug: str) -> str:
    """The score file beside a record."""
    return record_path(record, slug).removesuffix(".json") + ".parquet"


def pool_key(pool: Pool) -> str:
    """A pool in an address."""
    parts = [file_name(pool.suite), *([pool.compat] if pool.compat else [])]
    limit = [f"limit{pool.limit}"] if pool.limit is not None else []
    return "-".join([*parts, *limit, *([f"seed{pool.item_seed}"] if pool.item_seed else [])])


def numbered(path: str, number: int) -> str:
    """A page of several: the first has the path itself, the second ends in `-2.html`."""
    return path if number == 1 else f"{path.removesuffix('.html')}-{number}.html"


@dataclass(frozen=True)
class Pager:
    """Where the neighbours of a page of several are."""

    number: int
    of: int
    before: str
    after: str


def pager(path: str, number: int, of: int) -> Pager | None:
    """The pager of one page; None where there is only one."""
    if of < 2:  # noqa: PLR2004 # a single page needs none
        return None
    before = numbered(path, number - 1) if number > 1 else ""
    return Pager(number, of, before, numbered(path, number + 1) if number < of else "")


def pair_page(pool: str, first: str, second: str) -> str:
    """Page of two models, the same whichever is named first."""
    one, other = sorted((first, second))
    return f"compare/{pool}/{one}/vs/{other}.html"


def p_text(p: float) -> str:
    """A p-value in the digits that matter."""
    smallest = 0.001
    return f"< {smallest}" if p < smallest else f"{p:.2g}"
