"""Connections to the systems of clients, and their live data as tools."""
