"""csai tools of a small demonstration shop."""
