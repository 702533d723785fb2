"""Tools for tests: one that looks up, one that has a side effect."""

from __future__ import annotations

from csai_sdk import tool


@tool(read_only=True)
def look_up(order_id: str) -> dict[str, str]:
    """Looks an order up."""
    return {"order_id": order_id, "status": "shipped"}


class Bookings:
    """A tool with a side effect that the test can count."""

    def __init__(self, outcome: BaseException | None = None) -> None:
        self.made: list[str] = []

        @tool(name="book")
        async def book(slot: str) -> dict[str, str]:
            """Books a slot."""
            self.made.append(slot)
            if outcome is not None:
                raise outcome
            return {"booked": slot}

        self.tool = book
