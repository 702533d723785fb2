"""The statement that puts an event beside its cause."""

from __future__ import annotations

from sqlalchemy import String, bindparam, text

from csai.models.base import Id, Json, UtcDateTime
from csai.statement import Prepared

TELL = Prepared(
    text(
        "INSERT INTO outbox (id, client_id, event, payload, dedupe_key, status, attempts, attempts_before, "
        "created_at, next_attempt_at) "
        "SELECT :id, client_id, :event, :payload, :key, 'pending', 0, 0, :now, :now "
        "FROM client_webhooks WHERE client_id = :client AND enabled "
        "ON CONFLICT (client_id, dedupe_key) DO NOTHING"
    ).bindparams(
        bindparam("id", type_=Id),
        bindparam("client", type_=Id),
        bindparam("event", type_=String),
        bindparam("payload", type_=Json),
        bindparam("key", type_=String),
        bindparam("now", type_=UtcDateTime),
    )
)
