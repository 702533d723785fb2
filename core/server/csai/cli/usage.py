"""What `csai client usage` shows."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, fields
from typing import Any

from csai.cli.installation import Installation
from csai.cli.table import print_table
from csai.clients.service import find_client
from csai.usage.prices import MICROS_PER_USD
from csai.usage.repository import UsageDay, UsageRepository


async def usage_report(installation: Installation, name_or_id: str, *, days: int) -> dict[str, Any]:
    """The client's days on which anything happened, and their sums; costs in US dollars as text."""
    found = await find_client(installation.transaction, name_or_id)
    today = installation.clock.now().astimezone(dt.UTC).date()
    first = max(today - dt.timedelta(days=days - 1), found.created_at.astimezone(dt.UTC).date())
    usage = await UsageRepository(installation.transaction, found.id).days(first, today)
    names = [field.name for field in fields(UsageDay) if field.name != "date"]
    return {
        "client_id": found.id,
        "days": [{"date": day.date.isoformat(), **_shown(asdict(day), names)} for day in usage],
        "total": _shown({name: sum(getattr(day, name) for day in usage) for name in names}, names),
    }


def print_usage(report: dict[str, Any]) -> None:
    """The report as a table, its sums last."""
    rows = [*report["days"], {"date": "In all", **report["total"]}]
    print_table(
        (
            *("Day", "Conversations", "Messages", "Tools", "Tokens in", "Tokens out", "Cost $"),
            *("Answered again", "Tokens saved", "Saved $", "Prompt cached", "Saved $", "Routed", "Saved $"),
        ),
        [[str(value) for value in _in_order(row)] for row in rows],
    )


def _in_order(row: dict[str, Any]) -> list[Any]:
    return [
        row["date"],
        *(row[f"{name}_count"] for name in ("conversation", "message", "tool_calls")),
        *(row["tokens_input"], row["tokens_output"], row["cost"]),
        *(row["response_cache_count"], row["response_cache_tokens"], row["response_cache_cost"]),
        *(row["prompt_cache_tokens"], row["prompt_cache_cost"]),
        *(row["routing_count"], row["routing_cost"]),
    ]


def _shown(values: dict[str, Any], names: list[str]) -> dict[str, Any]:
    return {
        name.replace("cost_micros", "cost").replace("_micros", "_cost"): _usd(values[name])
        if name.endswith("_micros")
        else values[name]
        for name in names
    }


def _usd(micros: int) -> str:
    return f"{micros / MICROS_PER_USD:.6f}"
