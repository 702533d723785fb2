"""The tool catalog, argument validation, and the running of tools."""
