"""Charts as SVG, drawn in Python alone. `pyplot` is how user code reaches it."""
