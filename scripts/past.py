"""Two months that an installation has behind it, written into its tables: what the pictures' pages draw.

The same draw gives the same past, up to today. Roll-ups are the server's own, made of what is written here.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from csai.database import Database
from csai.models import Base, Conversation, Feedback, LedgerEntry, Message, ToolExecution, Turn
from csai.usage.rollup import roll_up, roll_up_hours
from sqlalchemy import insert

DAYS = 62
BY_HOUR = (6, 5, 5, 5, 6, 6, 7, 8, 10, 12, 13, 13, 12, 12, 13, 13, 12, 11, 10, 9, 9, 8, 8, 7)
BY_WEEKDAY = (1.15, 1.1, 1.05, 1.0, 1.05, 0.8, 0.6)
MODELS = (("claude", "claude-haiku-5-5", 0.9, 4.5), ("openai", "gpt-5-mini", 0.3, 2.2))
"""Provider, model, and dollars for a million tokens in and out."""
PEOPLE = (
    "Dana K.",
    "Jonas",
    "mira@mail.example",
    "Ólafur",
    "נועה לוי",
    "S. Whitfield",
    "Priya N.",
    None,
    None,
)
CHANNELS = ("widget",) * 8 + ("whatsapp", "email")


@dataclass(frozen=True)
class Talk:
    """A question, its answer, and the tool that was called in between."""

    asked: str
    answered: str
    tool: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    response: str = ""


TALKS = (
    Talk(
        "Where is my order ORD-1001?",
        "It left our house on Tuesday and comes on Thursday, before noon.",
        "get_order_status",
        {"order_id": "ORD-1001"},
        '{"status": "shipped", "carrier": "Island Post"}',
    ),
    Talk(
        "Is the blue kettle in stock?",
        "Yes: twelve of them, at 59.90 €.",
        "check_inventory",
        {"product": "blue kettle"},
        '{"in_stock": 12, "price": "59.90"}',
    ),
    Talk(
        "Can I come by on Friday at ten?",
        "You can: I have booked Friday at 10:00 for you.",
        "book_appointment",
        {"time": "10:00", "name": "Dana"},
        '{"appointment": "APT-41C2"}',
    ),
    Talk(
        "What is your return policy?", "You can send anything back within 30 days, as long as it is unused."
    ),
    Talk("Do you ship to Norway?", "We do. It takes four to six working days and costs 9 €."),
    Talk("מתי אתם פתוחים?", "אנחנו פתוחים בימים שני עד שישי, מ-9 עד 18."),
    Talk(
        "How do I clean the kettle?",
        "Boil it once with equal parts of vinegar and water, then rinse it twice.",
    ),
)
PRAISE = ("Quick and clear, thank you!", "Just what I needed.", "", "", "")
BLAME = ("That is not what I asked.", "Too short.", "")


@dataclass(frozen=True)
class Busy:
    """A client, and how many conversations it has on a usual day by now."""

    client_id: str
    a_day: float


async def write_past(database: Database, clients: list[Busy], now: datetime) -> None:
    draw = random.Random(7)
    for client in clients:
        past = _Past(draw, client.client_id)
        for began in _beginnings(draw, client.a_day, now):
            past.converse(began)
        async with database.write() as transaction:
            for model, values in past.rows.items():
                await transaction.execute(insert(model), values)
        await roll_up(database, client.client_id, now=now)
        await roll_up_hours(database, client.client_id, now=now)


def _beginnings(draw: random.Random, a_day: float, now: datetime) -> Iterator[datetime]:
    """It grew, is quiet at night and on Sundays, and nobody has come in the last half hour."""
    for ago in range(DAYS, -1, -1):
        day = (now - timedelta(days=ago)).replace(hour=0, minute=0, second=0, microsecond=0)
        usual = a_day * (1 - ago / DAYS / 2) * BY_WEEKDAY[day.weekday()]
        for _ in range(round(draw.gauss(usual, usual / 8))):
            (hour,) = draw.choices(range(24), BY_HOUR)
            began = day + timedelta(hours=hour, seconds=draw.randrange(3_600))
            if began < now - timedelta(minutes=30):
                yield began


class _Past:
    """A client's rows, by their tables in the order in which they refer to each other."""

    def __init__(self, draw: random.Random, client_id: str) -> None:
        self.rows: dict[type[Base], list[dict[str, Any]]] = {
            model: [] for model in (Conversation, Turn, Message, LedgerEntry, ToolExecution, Feedback)
        }
        self._draw = draw
        self._client_id = client_id

    def converse(self, began: datetime) -> None:
        draw = self._draw
        conversation: dict[str, Any] = {
            "id": _id(draw, began),
            "session_id": _id(draw, began),
            "user_identifier": draw.choice(PEOPLE),
            "channel": draw.choice(CHANNELS),
            "started_at": began,
            "tokens_total": 0,
            "cost_micros": 0,
            "tool_call_count": 0,
            "failed_tool_count": 0,
            "thumbs_down_count": 0,
            "rating": None,
            "state": "ai",
        }
        talks = draw.sample(TALKS, draw.choices((1, 2, 3), (5, 3, 1))[0])
        at = began
        for number, talk in enumerate(talks):
            at = self._exchange(conversation, talk, 2 * number + 1, at)
            conversation["last_message_at"] = at
            at += timedelta(seconds=draw.randrange(20, 140))
        count = 2 * len(talks)
        conversation |= {"message_count": count, "next_seq": count + 1}
        conversation["ended_at"] = at if draw.random() < 0.4 else None
        self._think(conversation, at)
        self._add(Conversation, conversation)

    def _exchange(self, conversation: dict[str, Any], talk: Talk, seq: int, at: datetime) -> datetime:
        """When it was answered."""
        draw = self._draw
        turn = {"conversation_id": conversation["id"], "turn_id": _id(draw, at)}
        calls = [self._ask_model(turn, 1, at)]
        ended: datetime = calls[0]["created_at"]
        if talk.tool:
            ended = self._call_tool(conversation, turn, talk, ended)
            calls.append(self._ask_model(turn, 2, ended))
            ended = calls[1]["created_at"]
        tokens = sum(call["tokens_input"] + call["tokens_output"] for call in calls)
        conversation["tokens_total"] += tokens
        conversation["cost_micros"] += sum(call["cost_micros"] for call in calls)
        self._add(
            Turn,
            {
                "id": turn["turn_id"],
                "conversation_id": conversation["id"],
                "status": "completed" if draw.random() < 0.985 else "failed",
                "body_hash": "",
                "fence": 1,
                "period": f"{at:%Y-%m}",
                "reserved": {},
                "accepted_at": at,
                "deadline_at": at + timedelta(minutes=2),
                "finished_at": ended,
            },
        )
        said = (("user", "visitor", talk.asked, at), ("assistant", "ai", talk.answered, ended))
        for number, (role, author, content, moment) in enumerate(said):
            message = {"id": _id(draw, moment), "seq": seq + number, "role": role, "author": author}
            self._add(Message, {**turn, **message, "content": content, "tokens_used": 0, "timestamp": moment})
        return ended

    def _ask_model(self, turn: dict[str, Any], attempt: int, at: datetime) -> dict[str, Any]:
        draw = self._draw
        provider, model, dear_in, dear_out = draw.choices(MODELS, (4, 1))[0]
        tokens_in, tokens_out, took = (
            draw.randrange(900, 2_600),
            draw.randrange(40, 180),
            draw.randrange(600, 2_200),
        )
        call = {
            "id": _id(draw, at),
            "turn_id": turn["turn_id"],
            "attempt": attempt,
            "provider": provider,
            "model": model,
            "tokens_input": tokens_in,
            "tokens_output": tokens_out,
            "tokens_cache_read": tokens_in // 2,
            "tokens_cache_write": 0,
            "cost_micros": round(tokens_in * dear_in + tokens_out * dear_out),
            "saved_micros": round(tokens_in * dear_in * 0.4),
            "price": {"input": str(dear_in), "output": str(dear_out)},
            "is_estimated": False,
            "duration_ms": took,
            "first_text_ms": took // 3,
            "period": f"{at:%Y-%m}",
            "day": at.date(),
            "created_at": at + timedelta(milliseconds=took),
        }
        self._add(LedgerEntry, call)
        return call

    def _call_tool(
        self, conversation: dict[str, Any], turn: dict[str, Any], talk: Talk, at: datetime
    ) -> datetime:
        """When it had ended."""
        draw = self._draw
        is_well = draw.random() < 0.96
        took = round(draw.lognormvariate(5.2, 0.7))
        conversation["tool_call_count"] += 1
        conversation["failed_tool_count"] += not is_well
        self._add(
            ToolExecution,
            {
                **turn,
                "id": _id(draw, at),
                "call_id": f"{turn['turn_id']}.0.0",
                "tool_name": talk.tool,
                "parameters": dict(talk.arguments),
                "n8n_response": talk.response if is_well else "The shop's server answered 503.",
                "status": "succeeded" if is_well else "failed",
                "success": is_well,
                "execution_time_ms": took,
                "timestamp": at,
            },
        )
        return at + timedelta(milliseconds=took)

    def _think(self, conversation: dict[str, Any], at: datetime) -> None:
        """Some visitors say what they think of it."""
        draw = self._draw
        answer = self.rows[Message][-1]
        if draw.random() < 0.12:
            conversation["rating"] = draw.choice((5, 5, 5, 4, 4, 3, 2))
            self._add_feedback(
                conversation, "conversation", conversation["id"], None, conversation["rating"], at
            )
        if draw.random() < 0.08:
            thumb = draw.choice((1, 1, 1, -1))
            conversation["thumbs_down_count"] = int(thumb < 0)
            self._add_feedback(conversation, "answer", answer["id"], answer["turn_id"], thumb, at)

    def _add_feedback(
        self,
        conversation: dict[str, Any],
        kind: str,
        about: str,
        turn_id: str | None,
        value: int,
        at: datetime,
    ) -> None:
        is_good = value >= (4 if kind == "conversation" else 1)
        self._add(
            Feedback,
            {
                "id": _id(self._draw, at),
                "conversation_id": conversation["id"],
                "kind": kind,
                "about_id": about,
                "turn_id": turn_id,
                "value": value,
                "comment": self._draw.choice(PRAISE if is_good else BLAME),
                "created_at": at,
                "updated_at": at,
            },
        )

    def _add(self, model: type[Base], values: dict[str, Any]) -> None:
        self.rows[model].append({"client_id": self._client_id, **values})


def _id(draw: random.Random, moment: datetime) -> str:
    """One that sorts by its time, as the server's own do."""
    time = int(moment.timestamp() * 1_000) << 80
    return str(
        uuid.UUID(int=time | 0x7 << 76 | draw.getrandbits(12) << 64 | 0b10 << 62 | draw.getrandbits(62))
    )
