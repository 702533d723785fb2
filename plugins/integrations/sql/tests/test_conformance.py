"""The SQL plugin keeps what the SDK asks of integrations, on a real PostgreSQL."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, ClassVar

import pytest
from csai_sdk import Endpoint
from csai_testkit.conformance import IntegrationSuite

from plugins.integrations.sql.tests.database import relayed
from tests.support.services import ServiceUrls

ECHO = {"type": "object", "properties": {"order_id": {"type": "string"}}, "required": ["order_id"]}


class TestSql(IntegrationSuite):
    plugin = "csai_integration_sql"
    server: ClassVar[dict[str, Any]] = {}

    @pytest.fixture(autouse=True)
    async def _reach_server(self, service_urls: ServiceUrls) -> AsyncIterator[None]:
        async with relayed(service_urls, ready=4) as relay:
            type(self).server = relay.settings
            yield

    def connection(self, url: str, secret: str) -> Mapping[str, Any]:
        return {**self.server, "password": secret}

    def endpoint(self, url: str) -> Endpoint:
        query = {"query": "SELECT CAST(:order_id AS text) AS said"}
        return Endpoint("orders", parameters_schema=ECHO, request=query)
