"""Conversations: reading them back, ending them, and whose they are."""
