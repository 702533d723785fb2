"""csai tools of a small demonstration shop: Kettle & Cloth, kettles and tea in Reykjavik."""

from __future__ import annotations

from collections.abc import Sequence

from csai_sdk import Tool, hookimpl

from csai_tool_demo_shop.tool import (
    book_appointment,
    cancel_order,
    check_inventory,
    get_order_status,
)


@hookimpl
def register_tools() -> Sequence[Tool]:
    return [get_order_status, check_inventory, book_appointment, cancel_order]
