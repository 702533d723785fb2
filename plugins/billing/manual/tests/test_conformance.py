from csai_testkit.conformance import GatewaySuite


class TestConformance(GatewaySuite):
    plugin = "csai_gateway_manual"
    has_webhooks = False
