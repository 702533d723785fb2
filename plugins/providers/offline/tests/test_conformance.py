"""The offline plugin keeps what the SDK asks of providers that call no vendor."""

from csai_testkit.conformance import ProviderSuite


class TestOffline(ProviderSuite):
    plugin = "csai_provider_offline"
    capabilities = ("usage", "embeddings")
