"""The widget keeps what the SDK asks of every plugin."""

from csai_testkit.conformance import PluginSuite


class TestWidget(PluginSuite):
    plugin = "csai_widget"
