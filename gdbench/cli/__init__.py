"""The command line: each verb is a few lines around the API."""

from __future__ import annotations

import os
import pkgutil
import sys
import warnings
from importlib import import_module

import typer

from gdbench.errors import DataProblemsError, GdbenchError
from gdbench.terminal import error

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
    except DataProblemsError as failure:
        for problem in failure.problems[:200]:
            error(": ".join(str(v) for v in problem.values() if v))
        sys.exit(_fail(str(failure)))
    except GdbenchError as failure:
        sys.exit(_fail(str(failure)))
    except KeyboardInterrupt:
        sys.exit(_fail("interrupted; start the same command again to go on", 130))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


def _fail(message: str, code: int = 2) -> int:
    error(f"gdbench: {message}")
    return code
