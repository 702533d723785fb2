"""The turn: from a visitor's message to its one outcome. Start reading in `turn.py`."""
