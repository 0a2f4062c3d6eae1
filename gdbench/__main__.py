"""`python -m gdbench` and the command `gdbench`."""

import sys


def main() -> None:
    """Entry point; an interrupt is one line even while the command line itself is loading."""
    try:
        from gdbench.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.stderr.write("gdbench: interrupted\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
