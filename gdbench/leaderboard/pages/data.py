"""Everything for programs: records, the board as JSON and CSV, schemas, and a list of them."""

from __future__ import annotations

import json

from gdbench.leaderboard.board import Board
from gdbench.leaderboard.exports import Leaderboard, export, table
from gdbench.leaderboard.pages.paths import record_path
from gdbench.leaderboard.render import Renderer
from gdbench.records import ResultRecord

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def write(renderer: Renderer, board: Board) -> None:
    """Write `leaderboard.json`, `leaderboard.csv`, `schema/`, `records/` and `data.html`."""
    tree, data = renderer.tree, export(board)
    tree.add("leaderboard.json", data.model_dump_json(indent=1) + "\n")
    tree.add("leaderboard.csv", table(data))
    for name, model in (("leaderboard", Leaderboard), ("record", ResultRecord)):
        schema = {"$schema": DIALECT, **model.model_json_schema(mode="serialization")}
        tree.add(f"schema/{name}.schema.json", json.dumps(schema, indent=1, sort_keys=True) + "\n")
    for slug, rows in board.models().items():
        for row in rows:
            for result in row.results.values():
                path = record_path(result.entry.record, slug)
                tree.add(path, result.entry.file.read_bytes())
    renderer.page("data.html", "data.html", title="Data", here="data", n_records=len(board.entries))
