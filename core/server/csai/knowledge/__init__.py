"""What a client's business knows, cut into passages that a question finds by its words."""
