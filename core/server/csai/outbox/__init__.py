"""Telling clients' own systems of events: written with their cause, sent afterwards, at least once."""
