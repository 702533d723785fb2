"""Clients: the businesses, their keys, origins and switches."""
