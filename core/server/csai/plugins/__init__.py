"""Plugins: found once, loaded with care, seen per client."""
