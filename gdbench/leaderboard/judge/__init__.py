"""Step 2: what the numbers say: ranks, intervals, comparisons, curves. Knows no page."""
