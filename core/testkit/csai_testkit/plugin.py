"""Fixtures that pytest loads wherever csai-testkit is installed."""
