"""Results in the formats of others: `gdbench export`, `gdbench import`."""
