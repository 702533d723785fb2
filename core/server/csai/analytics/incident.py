"""What befalls clients and the installation, written down once where it happens: for the feed of activity."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import String, bindparam, text

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
    subject = plugin_id[:MAX_SUBJECT_CHARS]
    return _told(f"plugin:{subject}:{now.astimezone(UTC).date()}", None, "plugin", subject, now)


def _told(key: str, client_id: str | None, kind: str, subject: str, now: datetime) -> Step:
    return Step(TELL, {"key": key, "client": client_id, "kind": kind, "subject": subject, "now": now})
