"""Languages of visitors, and how things are written in them."""
