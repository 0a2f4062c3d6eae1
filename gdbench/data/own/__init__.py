"""Data of a user's own, in any of four containers, read into rows and asked about."""
