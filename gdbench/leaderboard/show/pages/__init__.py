"""One file for each kind of page: values from the board, a template, a path."""
