"""The REST plugin keeps what the SDK asks of integrations."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from csai_sdk import Endpoint
from csai_testkit.conformance import IntegrationSuite
from csai_testkit.replay import Exchange

ORDER = {"type": "object", "properties": {"order_id": {"type": "string"}}, "required": ["order_id"]}


class TestRest(IntegrationSuite):
    plugin = "csai_integration_rest"

    def connection(self, url: str, secret: str) -> Mapping[str, Any]:
        return {"base_url": url, "auth": "bearer", "token": secret, "timeout_s": 5}

    def endpoint(self, url: str) -> Endpoint:
        query = {"number": "{order_id}"}
        return Endpoint("orders", "/orders", parameters_schema=ORDER, request={"query": query})

    def answer(self, text: str) -> Sequence[Exchange]:
        body = json.dumps({"status": text}).encode()
        # What fails is asked for again, twice.
        return [Exchange("GET", "/orders", 200, {"content-type": "application/json"}, body)] * 3
