"""How the mini models are trained, from nothing; see `python -m gdbench.mini.train --help`."""
