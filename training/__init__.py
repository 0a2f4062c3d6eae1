"""How the bundled models of version 2 are trained; no part of the installed package."""
