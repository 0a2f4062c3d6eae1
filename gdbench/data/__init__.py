"""Published data: where it lives, what to fetch, what to check."""
