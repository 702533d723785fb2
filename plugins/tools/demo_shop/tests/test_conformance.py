"""The demonstration shop keeps what the SDK asks of tools."""

from collections.abc import Mapping
from typing import Any

from csai_testkit.conformance import ToolSuite


class TestDemoShop(ToolSuite):
    plugin = "csai_tool_demo_shop"
    capabilities = ("repeats", "described_parameters")

    def arguments(self, text: str) -> Mapping[str, Mapping[str, Any]]:
        return {
            "get_order_status": {"order_id": text},
            "check_inventory": {"product": text},
            "cancel_order": {"order_id": text},
            "book_appointment": {"date": "2026-01-05", "time": "14:30", "name": text},
        }
