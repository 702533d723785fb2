"""The root of all tests: loads what they share."""

pytest_plugins = ["tests.support.plugin", "tests.support.server", "tests.support.outside"]
