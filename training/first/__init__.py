"""How the mini models are trained, from nothing; see `python -m training.first --help`."""
