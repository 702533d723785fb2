"""Experiments: conversations of a client split between arms, and what became of each."""
