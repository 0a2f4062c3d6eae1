"""The command line: each verb is a few lines around the API."""

from __future__ import annotations

import os
import pkgutil
import sys
import warnings
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from gdbench.cli.interruption import INTERRUPTED, InterruptedRunError, terminable
from gdbench.errors import DataProblemsError, GdbenchError, SetAsideError
from gdbench.terminal import error, line, speak

# Bars, advice and retries of the libraries are not what a person at this tool wants to read.
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("HF_HUB_VERBOSITY", "error")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
os.environ.setdefault("DIFFUSERS_VERBOSITY", "error")

_SHOWN = 40  # lines of problems on a terminal


class _Verbs(TyperGroup):
    """All verbs; what is wrong with an option is said in the words of a person."""

    def invoke(self, ctx: Any) -> Any:
        """Run the verb that was asked for."""
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            # how pydantic, by which typer reads options, begins the text of a validator
            error.message = error.message.removeprefix("Value error, ")
            raise


app = typer.Typer(
    name="gdbench",
    cls=_Verbs,
    help="Evaluate how well a model understands how text and image fit together.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        import gdbench

        line(f"gdbench {gdbench.__version__}")
        raise typer.Exit


@app.callback()
def _before_the_verb(
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Also say what is decided on the way.")
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="No notes and no progress, only errors.")
    ] = False,
    version: Annotated[  # noqa: ARG001 # done by its callback
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    if verbose and quiet:
        raise typer.BadParameter("--verbose and --quiet exclude each other")
    speak(verbose=verbose, quiet=quiet)


for _module in sorted(module.name for module in pkgutil.iter_modules(__path__)):
    _register = getattr(import_module(f"gdbench.cli.{_module}"), "register", None)
    if _register is not None:
        _register(app)


def main() -> None:
    """Entry point: exit code 0 done, 1 failed check, 2 bad usage or input; never a traceback."""
    warnings.filterwarnings("ignore", category=FutureWarning)
    speak()
    with terminable():
        code = _run()
    try:
        sys.stdout.flush()
    except OSError as failure:
        # a check that failed has failed, whoever reads of it
        code = code or _unwritten(failure)
    sys.exit(code)


def _run() -> int | str | None:
    try:
        app(prog_name="gdbench")
    except InterruptedRunError as interruption:
        return _fail(str(interruption), INTERRUPTED)
    except DataProblemsError as failure:
        _list(failure.problems)
        return _fail(str(failure))
    except GdbenchError as failure:
        return _fail(str(failure), 1 if isinstance(failure, SetAsideError) else 2)
    except SystemExit as stop:
        if stop.code == INTERRUPTED:  # what typer makes of a KeyboardInterrupt, without a word
            error("gdbench: interrupted")
        return stop.code
    except OSError as failure:
        return _unwritten(failure) if failure.filename is None else _fail(str(failure))
    return 0


def _unwritten(failure: OSError) -> int:
    """Standard output takes no more: its reader has gone, which is no fault, or a disk is full."""
    # what is still kept would be tried again at the exit
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(failure, BrokenPipeError):
        return 0
    return _fail(f"the answer cannot be written: {failure.strerror or failure}", 1)


def _list(problems: list[dict[str, str]]) -> None:
    """A line for each kind of problem."""
    from gdbench.data.problems import grouped

    lines = grouped(problems)
    for text in lines[:_SHOWN]:
        error(text)
    if len(lines) > _SHOWN:
        error(f"and {len(lines) - _SHOWN:,} more (gdbench data check --json)")


def _fail(message: str, code: int = 2) -> int:
    error(f"gdbench: {message}")
    return code
