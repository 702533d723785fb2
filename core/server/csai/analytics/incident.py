"""What befalls clients and the installation, written down once where it happens: for the feed of activity."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import String, bindparam, delete, text
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.models import Incident
from csai.models.base import Id, UtcDateTime
from csai.statement import Prepared, Step

MAX_SUBJECT_CHARS = 100

TELL = Prepared(
    text(
        "INSERT INTO incidents (key, client_id, kind, subject, created_at) "
        "VALUES (:key, :client, :kind, :subject, :now) ON CONFLICT (key) DO NOTHING"
    ).bindparams(
        bindparam("key", type_=String),
        bindparam("client", type_=Id),
        bindparam("kind", type_=String),
        bindparam("subject", type_=String),
        bindparam("now", type_=UtcDateTime),
    )
)


def limit_reached(client_id: str, metric: str, period: str, limit: int, *, now: datetime) -> Step:
    """A client's limit was reached: once a period, and again where the plan has another one by then."""
    return _told(f"limit:{client_id}:{metric}:{period}:{limit}", client_id, "limit", metric, now)


def plugin_kept_out(plugin_id: str, *, now: datetime) -> Step:
    """A server started without a plugin that it could not use: once a day, however many processes do."""
    return _of_plugin("plugin", plugin_id, now)


def plugin_failed(plugin_id: str, *, now: datetime) -> Step:
    """A part of a plugin is in trouble while a server runs: once a day, however many parts of it are."""
    return _of_plugin("degraded", plugin_id, now)


async def forget(connection: AsyncConnection, *, before: datetime) -> None:
    """Remove what befell anybody earlier."""
    await connection.execute(delete(Incident).where(Incident.created_at < before))


def _of_plugin(kind: str, plugin_id: str, now: datetime) -> Step:
    subject = plugin_id[:MAX_SUBJECT_CHARS]
    return _told(f"{kind}:{subject}:{now.astimezone(UTC).date()}", None, kind, subject, now)


def _told(key: str, client_id: str | None, kind: str, subject: str, now: datetime) -> Step:
    return Step(TELL, {"key": key, "client": client_id, "kind": kind, "subject": subject, "now": now})
