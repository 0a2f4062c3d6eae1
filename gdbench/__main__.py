"""`python -m gdbench` and the command `gdbench`."""

import os
import sys

_STANDARD = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))


def main() -> None:
    """Entry point; an interrupt is one line even while the command line itself is loading."""
    _open_what_is_closed()
    try:
        from gdbench.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.stderr.write("gdbench: interrupted\n")
        sys.exit(130)
    finally:
        # Python remembers an interrupt that passed through exec() of a text, as named tuples have
        # it, and would die of SIGINT whatever the exit code; the next exec() makes it forget.
        exec("")  # noqa: S102


def _open_what_is_closed() -> None:
    """Of a standard stream that is closed (`>&-`) the next file would take the number."""
    for number, (name, mode) in enumerate(_STANDARD):
        if getattr(sys, name) is None:
            stream = open(os.devnull, mode, encoding="utf-8")  # noqa: PTH123, SIM115 # stays open
            if stream.fileno() != number:
                os.dup2(stream.fileno(), number)
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)


if __name__ == "__main__":
    main()
