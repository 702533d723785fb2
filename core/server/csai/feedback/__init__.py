"""What visitors think of answers and conversations."""
