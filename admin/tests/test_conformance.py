"""The dashboard keeps what the SDK asks of every plugin."""

from csai_testkit.conformance import PluginSuite


class TestDashboard(PluginSuite):
    plugin = "csai_dashboard"
