"""`accelerate launch -m gdbench.finetune hardneg ...`: training on several processes."""

from __future__ import annotations

import os
import sys

import typer

from gdbench.errors import DataProblemsError, GdbenchError
from gdbench.finetune.command import hardneg

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
app.command("hardneg")(hardneg)


@app.callback()
def _finetune() -> None:
    """Fine-tuning of diffusion models."""


def main() -> None:
    """Entry point of every process; the first one speaks."""
    try:
        app()
    except GdbenchError as error:
        if os.environ.get("RANK", "0") == "0":
            problems = error.problems[:200] if isinstance(error, DataProblemsError) else []
            for problem in problems:
                print(": ".join(problem.values()), file=sys.stderr)  # noqa: T201 # plain lines for a terminal
            print(f"gdbench: {error}", file=sys.stderr)  # noqa: T201 # plain lines for a terminal
        sys.exit(2)
    except KeyboardInterrupt:
        print("gdbench: interrupted; the same command goes on", file=sys.stderr)  # noqa: T201 # as above
        sys.exit(130)


if __name__ == "__main__":
    main()
