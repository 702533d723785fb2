"""Conversations and turns as the admin's routes tell them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from csai.conversations.detail_repository import CallRow, FeedbackRow, RoundRow, TurnRow
from csai.conversations.list_repository import Excerpt, ListedConversation
from csai.usage.service import usd

_MS = timedelta(milliseconds=1)


def item_of(row: ListedConversation, excerpt: Excerpt | None) -> dict[str, Any]:
    """As `ConversationItem`."""
    told = {name: value for name, value in asdict(row).items() if name not in {"answered_by", "cost_micros"}}
    last = {"author": excerpt.author, "text": excerpt.text, "created_at": excerpt.at} if excerpt else None
    return {**told, "state": row.state, "cost": usd(row.cost_micros), "last_message": last}


def turn_view(
    turn: TurnRow, rounds: Iterable[RoundRow], calls: Iterable[CallRow], *, shown: Collection[str]
) -> dict[str, Any]:
    """As `TurnView`."""
    told = [_round(turn, each) for each in rounds if each.turn_id == turn.id]
    spoken = [each["first_text_ms"] for each in told if each["first_text_ms"] is not None]
    return {
        "id": turn.id,
        "status": turn.status,
        "accepted_at": turn.accepted_at,
        "duration_ms": _since(turn, turn.finished_at) if turn.finished_at else None,
        "first_text_ms": min(spoken, default=None),
        "rounds": told,
        "tool_calls": [_call(turn, each, shown) for each in calls if each.turn_id == turn.id],
    }


def feedback_view(conversation_id: str, rows: Sequence[FeedbackRow]) -> list[dict[str, Any]]:
    """As `FeedbackView`."""
    return [
        {
            "message_id": row.about_id if row.about_id != conversation_id else None,
            "value": row.value,
            "comment": row.comment,
            "updated_at": row.updated_at,
        }
        for row in rows
    ]


def _round(turn: TurnRow, row: RoundRow) -> dict[str, Any]:
    start = None if row.duration_ms is None else max(0, _since(turn, row.ended_at) - row.duration_ms)
    first = None if start is None or row.first_text_ms is None else start + row.first_text_ms
    told = {
        name: value
        for name, value in asdict(row).items()
        if name not in {"turn_id", "cost_micros", "ended_at", "first_text_ms"}
    }
    return {**told, "cost": usd(row.cost_micros), "start_ms": start, "first_text_ms": first}


def _call(turn: TurnRow, row: CallRow, shown: Collection[str]) -> dict[str, Any]:
    is_shown = row.tool_name in shown
    return {
        "id": row.call_id,
        "name": row.tool_name,
        "status": row.status,
        # What the visitor was asked first was asked in an earlier turn.
        "start_ms": max(0, _since(turn, row.at)),
        "duration_ms": row.duration_ms,
        "arguments": dict(row.parameters) if is_shown else None,
        "response": row.response if is_shown else None,
        "is_redacted": not is_shown,
    }


def _since(turn: TurnRow, moment: datetime) -> int:
    return (moment - turn.accepted_at) // _MS
