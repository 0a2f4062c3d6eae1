"""What a run writes while it goes: a line of JSON for each step, TensorBoard, wandb."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gdbench.errors import MissingExtraError


class Journal:
    """`log.jsonl`, and TensorBoard where it is installed, and wandb where it is asked for.

    A run that goes on at `step` forgets lines from beyond it, so that every step has one line.
    Raises MissingExtraError where wandb is asked for and not installed.
    """

    def __init__(
        self, out: Path, step: int, settings: dict[str, Any], wandb_project: str | None
    ) -> None:
        # first, because it may not be installed
        self._wandb = _wandb(wandb_project, out, settings) if wandb_project else None
        self.path = out / "log.jsonl"
        kept = [entry for entry in read(self.path) if entry["step"] <= step]
        self.path.write_text("".join(json.dumps(entry) + "\n" for entry in kept), encoding="utf-8")
        self._file = self.path.open("a", encoding="utf-8")
        self._board = _tensorboard(out / "tensorboard", step)

    def write(self, step: int, values: dict[str, float]) -> None:
        """One line for a step (counted from 1), and the same numbers to the other logs."""
        self._file.write(json.dumps({"step": step, **values}) + "\n")
        self._file.flush()
        if self._board is not None:
            for name, value in values.items():
                self._board.add_scalar(f"train/{name}", value, step)
        if self._wandb is not None:
            self._wandb.log(values, step=step)

    def write_validation(self, step: int, values: dict[str, float]) -> None:
        """The scores of a validation, to TensorBoard and wandb (records hold them already)."""
        if self._board is not None:
            for name, value in values.items():
                self._board.add_scalar(f"validation/{name}", value, step)
        if self._wandb is not None:
            self._wandb.log({f"validation/{k}": v for k, v in values.items()}, step=step)

    def close(self) -> None:
        """Finish all logs."""
        self._file.close()
        if self._board is not None:
            self._board.close()
        if self._wandb is not None:
            self._wandb.finish()


def read(path: Path) -> list[dict[str, Any]]:
    """The lines of a log; a last line cut off by a kill is left out."""
    if not path.exists():
        return []
    entries = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            entries.append(json.loads(line))
        except ValueError:
            break
    return entries


def _tensorboard(folder: Path, step: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder), purge_step=step + 1 if step else None)


def _wandb(project: str, out: Path, settings: dict[str, Any]) -> Any:
    try:
        import wandb
    except ImportError:
        raise MissingExtraError(
            "--wandb needs wandb: pip install 'gdbench[wandb]', or leave the flag out"
        ) from None
    return wandb.init(project=project, dir=str(out), config=settings, resume="allow", id=out.name)
