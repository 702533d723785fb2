"""The n8n plugin keeps what the SDK asks of tool backends."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from csai_testkit.conformance import ToolBackendSuite
from csai_testkit.replay import Exchange


class TestN8n(ToolBackendSuite):
    plugin = "csai_tool_n8n"

    def settings(self, url: str, secret: str) -> Mapping[str, Any]:
        return {"signing_secret": base64.b64encode(secret.encode()).decode()}

    def answer(self, text: str) -> Sequence[Exchange]:
        return [Exchange.of_json("/webhook", {"status": text})]
