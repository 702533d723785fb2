"""The tools. Their docstrings and the fields' descriptions are what the model reads."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, Literal

from csai_sdk import PluginContext, tool
from pydantic import Field

from csai_tool_demo_shop.appointment import MOST_DAYS_AHEAD, OPENING_HOURS, Bookings, Refusal, refusal_of
from csai_tool_demo_shop.shop import PRODUCTS, Order, Product, find_order, find_products, product_of

Service = Literal["consultation", "tea tasting", "repair"]
Answer = dict[str, Any]

_NO_ORDER = (
    "There is no order with this number. "
    "Order numbers look like ORD-1001 and stand in the confirmation e-mail."
)
_REASONS: dict[Refusal, str] = {
    "past": "That time has passed.",
    "too_far_ahead": f"Appointments can be booked up to {MOST_DAYS_AHEAD} days ahead.",
    "closed": f"The shop is closed then. It is open {OPENING_HOURS}.",
    "not_a_slot": "Appointments begin on the hour or at half past.",
    "taken": "That time is already taken.",
}


@tool(category="orders", read_only=True)
def get_order_status(
    order_id: Annotated[
        str,
        Field(
            description="The order number as it stands in the confirmation e-mail, for example ORD-1001.",
            examples=["ORD-1001"],
            min_length=1,
            max_length=40,
        ),
    ],
    ctx: PluginContext,
) -> Answer:
    """Look up the status of an order: whether it is shipped or delivered, what is in it and when it arrives.

    Use it when a visitor asks where an order or parcel is. Ask for the order number if it was not given.
    """
    order = _order(order_id, ctx)
    if order is None:
        return {"found": False, "message": _NO_ORDER}
    today = ctx.clock.now().date()
    due = None if order.due_in_days is None else today + timedelta(days=order.due_in_days)
    items = [{"product": product_of(sku).name, "quantity": quantity} for sku, quantity in order.items]
    return {
        "found": True,
        "order_id": order.order_id,
        "status": order.state,
        "items": items,
        "ordered_on": (today - timedelta(days=order.ordered_days_ago)).isoformat(),
        "expected_on": due.isoformat() if due and due > today else None,
        "delivered_on": due.isoformat() if due and due <= today else None,
        "carrier": order.carrier,
        "message": _order_message(order, items, due),
    }


@tool(category="orders", confirm=True)
def cancel_order(
    order_id: Annotated[
        str,
        Field(
            title="Order",
            description="The number of the order to cancel, for example ORD-1002.",
            examples=["ORD-1002"],
            min_length=1,
            max_length=40,
        ),
    ],
    ctx: PluginContext,
) -> Answer:
    """Cancel an order that has not been shipped yet. The visitor is asked to confirm it first.

    Use it only when a visitor asks to cancel an order and has given its number.
    """
    order = _order(order_id, ctx)
    if order is None:
        return {"cancelled": False, "message": _NO_ORDER}
    if order.state != "processing":
        message = f"Order {order.order_id} cannot be cancelled any more: it is {order.state}."
        return {"cancelled": False, "message": message}
    _cancelled(ctx).add(order.order_id)
    return {"cancelled": True, "message": f"Order {order.order_id} is cancelled; nothing is charged."}


def _order(order_id: str, ctx: PluginContext) -> Order | None:
    """The order as it stands now. What was cancelled is forgotten with the client's next change."""
    order = find_order(order_id)
    if order is None or order.order_id not in _cancelled(ctx):
        return order
    return replace(order, state="cancelled")


def _cancelled(ctx: PluginContext) -> set[str]:
    return ctx.resource("cancelled", set[str])


def _order_message(order: Order, items: list[Answer], due: date | None) -> str:
    content = ", ".join(f"{item['quantity']} x {item['product']}" for item in items)
    day = due.isoformat() if due else ""
    state = {
        "processing": f"is being packed and should arrive on {day}",
        "shipped": f"is on its way with {order.carrier} and should arrive on {day}",
        "delivered": f"was delivered on {day}",
        "cancelled": "was cancelled; nothing was charged",
        "returned": f"was delivered on {day} and sent back; the money is on its way back",
    }[order.state]
    return f"Order {order.order_id} ({content}) {state}."


@tool(category="products", read_only=True)
def check_inventory(
    product: Annotated[
        str,
        Field(
            description="The product's name, kind or article number, for example 'blue kettle' or KET-BLU.",
            examples=["blue kettle"],
            min_length=1,
            max_length=100,
        ),
    ],
    ctx: PluginContext,
    quantity: Annotated[
        int, Field(description="How many pieces are wanted.", examples=[1], ge=1, le=1000)
    ] = 1,
) -> Answer:
    """Check whether a product is in stock, how many pieces there are and what it costs.

    Use it for every question about availability, stock or price of kettles, teapots, mugs, tea and grinders.
    """
    found = find_products(product)
    if not found:
        names = ", ".join(each.name for each in PRODUCTS)
        return {
            "found": False,
            "products": [],
            "message": f"The shop has no such product. It sells: {names}.",
        }
    today = ctx.clock.now().date()
    shown = [_stock_of(each, quantity, today) for each in found]
    return {"found": True, "products": shown, "message": " ".join(_stock_message(each) for each in shown)}


def _stock_of(product: Product, quantity: int, today: date) -> Answer:
    days = product.restock_in_days
    return {
        "sku": product.sku,
        "name": product.name,
        "price_eur": product.price_eur,
        "stock": product.stock,
        "is_available": product.stock >= quantity,
        "restock_on": None if days is None else (today + timedelta(days=days)).isoformat(),
    }


def _stock_message(entry: Answer) -> str:
    name = f"{entry['name']} ({entry['sku']}, {entry['price_eur']} EUR)"
    if entry["is_available"]:
        return f"{name} is in stock: {entry['stock']} pieces."
    if entry["stock"]:
        return f"{name}: only {entry['stock']} pieces are in stock."
    return f"{name} is out of stock; more are expected on {entry['restock_on']}."


@tool(category="appointments", idempotent=True)
async def book_appointment(
    date: Annotated[
        str,
        Field(
            description="The day as YYYY-MM-DD, for example 2026-11-30.",
            examples=["2026-11-30"],
            pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
        ),
    ],
    time: Annotated[
        str,
        Field(
            description="The time in the shop (UTC) as HH:MM on the hour or half past, for example 14:30.",
            examples=["14:30"],
            pattern="^[0-9]{1,2}:[0-9]{2}$",
        ),
    ],
    name: Annotated[
        str,
        Field(
            description="The visitor's name for the booking, for example Anna.",
            examples=["Anna"],
            min_length=1,
            max_length=80,
        ),
    ],
    ctx: PluginContext,
    service: Annotated[Service, Field(description="What the appointment is for.")] = "consultation",
) -> Answer:
    """Book an appointment in the shop: a consultation, a tea tasting or a repair, half an hour each.

    Use it only when the visitor has named a day, a time and a name. If the time cannot be had, the answer
    offers others; let the visitor choose and do not book one unasked.
    """
    now = ctx.clock.now()
    start = _start(date, time)
    if start is None:
        return {
            "booked": False,
            "reason": "no_such_time",
            "alternatives": [],
            "message": "There is no such day or time. Give the day as YYYY-MM-DD and the time as HH:MM.",
        }
    bookings = ctx.resource("bookings", Bookings)
    reference = bookings.reference(start, name, service)
    reason = refusal_of(start, now=now)
    if reason is None and bookings.holder(start) not in (None, reference):
        reason = "taken"
    if reason is not None:
        return _refused(reason, bookings.free_after(start, now=now, count=3))
    bookings.take(start, reference, now=now)
    return {
        "booked": True,
        "reference": reference,
        "date": f"{start:%Y-%m-%d}",
        "time": f"{start:%H:%M}",
        "service": service,
        "message": f"Booked: {service} on {start:%A, %Y-%m-%d at %H:%M}. The reference is {reference}.",
    }


def _start(day: str, clock_time: str) -> datetime | None:
    try:
        return datetime.combine(date.fromisoformat(day), time.fromisoformat(clock_time.zfill(5)), tzinfo=UTC)
    except ValueError:
        return None


def _refused(reason: Refusal, free: list[datetime]) -> Answer:
    offer = ", ".join(f"{slot:%A %Y-%m-%d %H:%M}" for slot in free)
    return {
        "booked": False,
        "reason": reason,
        "alternatives": [{"date": f"{slot:%Y-%m-%d}", "time": f"{slot:%H:%M}"} for slot in free],
        "message": f"{_REASONS[reason]} Free times: {offer}." if free else _REASONS[reason],
    }
