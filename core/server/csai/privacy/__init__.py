"""How long a visitor's words are kept."""
