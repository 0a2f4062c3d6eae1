"""Step 3: pages, plots and data files. They lay out what was judged and compute nothing of it."""
