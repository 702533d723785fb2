"""Which provider and model answers a client, and why."""
