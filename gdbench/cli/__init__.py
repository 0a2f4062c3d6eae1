"""The command line: each verb is a few lines around the API."""

from __future__ import annotations

import os
import pkgutil
import sys
import warnings
from importlib import import_module

import typer

from gdbench.errors import DataProblemsError, GdbenchError

# The diffusers and transformers bars and advice are not what a person at this tool wants to read.
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
os.environ.setdefault("DIFFUSERS_VERBOSITY", "error")

app = typer.Typer(
    name="gdbench",
    help="Evaluate how well a model understands how text and image fit together.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for _module in sorted(module.name for module in pkgutil.iter_modules(__path__)):
    _register = getattr(import_module(f"gdbench.cli.{_module}"), "register", None)
    if _register is not None:
        _register(app)


def main() -> None:
    """Entry point: exit code 0 done, 1 failed check, 2 bad usage or input; never a traceback."""
    warnings.filterwarnings("ignore", category=FutureWarning)
    try:
        app()
    except DataProblemsError as error:
        for problem in error.problems[:200]:
            print(": ".join(str(v) for v in problem.values() if v), file=sys.stderr)  # noqa: T201 # plain lines for a terminal
        sys.exit(_fail(str(error)))
    except GdbenchError as error:
        sys.exit(_fail(str(error)))
    except KeyboardInterrupt:
        sys.exit(_fail("interrupted; start the same command again to go on", 130))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


def _fail(message: str, code: int = 2) -> int:
    print(f"gdbench: {message}", file=sys.stderr)  # noqa: T201 # one plain line for a terminal
    return code
