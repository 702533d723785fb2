"""Conformance suites: an author subclasses the one of the plugin's kind, and pytest does the rest.

from csai_testkit.conformance import ToolSuite

class TestConformance(ToolSuite):
    plugin = "csai_tool_hello"

    def arguments(self, text):
        return {"say_hello": {"name": text}}
"""

from csai_testkit.conformance.call import CallSuite
from csai_testkit.conformance.channel import ChannelSuite
from csai_testkit.conformance.check import (
    Check,
    capability,
    checks_of,
    live,
    required,
    required_of_vendors,
    required_to_load,
)
from csai_testkit.conformance.gateway import GatewaySuite
from csai_testkit.conformance.integration import IntegrationSuite
from csai_testkit.conformance.locale import LocaleSuite
from csai_testkit.conformance.plugin import PluginSuite
from csai_testkit.conformance.provider import ProviderSuite
from csai_testkit.conformance.scene import Scene
from csai_testkit.conformance.tool import ToolBackendSuite, ToolSuite
from csai_testkit.conformance.webhook import WebhookSuite

__all__ = [
    "SUITES",
    "CallSuite",
    "ChannelSuite",
    "Check",
    "GatewaySuite",
    "IntegrationSuite",
    "LocaleSuite",
    "PluginSuite",
    "ProviderSuite",
    "Scene",
    "ToolBackendSuite",
    "ToolSuite",
    "WebhookSuite",
    "capability",
    "checks_of",
    "live",
    "required",
    "required_of_vendors",
    "required_to_load",
]

SUITES: tuple[type[PluginSuite], ...] = (
    PluginSuite,
    ProviderSuite,
    ToolSuite,
    ToolBackendSuite,
    IntegrationSuite,
    GatewaySuite,
    ChannelSuite,
    LocaleSuite,
)
"""The suites that authors subclass."""
