"""The DiffusionITM engine."""
