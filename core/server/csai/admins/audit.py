"""Who changed what: written in the same transaction as the change itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from csai.admins.action import Action
from csai.admins.repository import AuditRepository


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: `admin`, `cli`, or `system` where csai itself does, as for the demo."""

    kind: str
    id: str | None = None
    name: str = ""
    request_id: str | None = None


CLI = Actor("cli")
SYSTEM = Actor("system")


async def record(
    transaction: AsyncConnection,
    actor: Actor,
    action: Action,
    *,
    object: str,  # noqa: A002 -- the vocabulary's word
    client_id: str | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    at: datetime,
) -> None:
    """Keep a change. Neither state may hold a secret: name those that are set."""
    await AuditRepository(transaction).add(
        actor=actor.kind,
        actor_id=actor.id,
        actor_name=actor.name,
        action=action,
        object=object,
        client_id=client_id,
        before=None if before is None else dict(before),
        after=None if after is None else dict(after),
        request_id=actor.request_id,
        created_at=at,
    )
