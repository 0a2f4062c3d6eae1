"""`accelerate launch -m gdbench.finetune hardneg ...`: training on several processes."""

from __future__ import annotations

import os
import sys

import typer

from gdbench.errors import DataProblemsError, GdbenchError
from gdbench.finetune.command import hardneg
from gdbench.terminal import error

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
app.command("hardneg")(hardneg)


@app.callback()
def _finetune() -> None:
    """Fine-tuning of diffusion models."""


def main() -> None:
    """Entry point of every process; the first one speaks."""
    try:
        app()
    except GdbenchError as failure:
        if os.environ.get("RANK", "0") == "0":
            problems = failure.problems[:200] if isinstance(failure, DataProblemsError) else []
            for problem in problems:
                error(": ".join(problem.values()))
            error(f"gdbench: {failure}")
        sys.exit(2)
    except KeyboardInterrupt:
        error("gdbench: interrupted; the same command goes on")
        sys.exit(130)


if __name__ == "__main__":
    main()
