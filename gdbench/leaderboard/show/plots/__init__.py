"""Plots as inline SVG, drawn when the site is built: no script, no style attribute, no library."""
