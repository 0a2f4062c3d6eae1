"""Everything for programs: records, the board as JSON and CSV, schemas, and a list of them."""

from __future__ import annotations

import json
from pathlib import Path

from gdbench.leaderboard.gather.entries import Entry
from gdbench.leaderboard.judged.board import Board
from gdbench.leaderboard.judged.published import Collection
from gdbench.leaderboard.show.exports import PART, Leaderboard, export, parts, table
from gdbench.leaderboard.show.paths import record_path, scores_path
from gdbench.leaderboard.show.render import Renderer
from gdbench.records import ResultRecord

MOST_SCORE_BYTES = 200_000
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def small_scores(entry: Entry) -> Path | None:
    """The score file where it is small enough to be part of the site.

    Files with per-timestep errors may have megabytes; they stay with the submission.
    """
    path = entry.scores
    return path if path is not None and path.stat().st_size <= MOST_SCORE_BYTES else None


def write(renderer: Renderer, board: Board, collection: Collection) -> None:
    """Write `leaderboard.json`, `leaderboard.csv`, `schema/`, `records/` and `data.html`."""
    tree, data = renderer.tree, export(board, collection)
    tree.add("leaderboard.json", data.model_dump_json() + "\n")
    tree.add("leaderboard.csv", table(data))
    for path, part in parts(board):
        tree.add(path, part.model_dump_json() + "\n")
        tree.add(path.removesuffix(".json") + ".csv", table(part))
    for name, model in (("leaderboard", Leaderboard), ("record", ResultRecord)):
        schema = {"$schema": DIALECT, **model.model_json_schema(mode="serialization")}
        tree.add(f"schema/{name}.schema.json", json.dumps(schema, indent=1, sort_keys=True) + "\n")
    for slug, rows in board.models().items():
        for row in rows:
            for result in row.results.values():
                path = record_path(result.entry.record, slug)
                tree.add(path, result.entry.file.read_bytes())
                scores = small_scores(result.entry)
                if scores is not None:
                    tree.add(scores_path(result.entry.record, slug), scores.read_bytes())
    renderer.page(
        "data.html", "data.html", title="Data", here="data", n_records=len(board.entries), part=PART
    )
