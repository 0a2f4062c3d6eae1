"""What a notebook or script calls: `gdbench.evaluate`, `load_run`, `compare`, `match`."""
