"""Channels: accounts at messengers and the like, what comes in there, and what goes out."""
