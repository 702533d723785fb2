"""What a client's assistant knows, as an operator changes it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from csai.admins.audit import SYSTEM, Actor, record
from csai.clients.repository import ClientRepository
from csai.knowledge.ingest import PassageDraft
from csai.knowledge.repository import KnowledgeRepository


async def teach(
    transaction: AsyncConnection,
    client_id: str,
    drafts: Sequence[PassageDraft],
    *,
    is_replacing: bool,
    at: datetime,
    actor: Actor = SYSTEM,
) -> int:
    """Add the passages that are new, or keep these alone; how many were added."""
    repository = KnowledgeRepository(transaction, client_id)
    ids = await (repository.replace_all if is_replacing else repository.add_new)(drafts, at=at)
    await ClientRepository(transaction, client_id).bump()
    await record(
        transaction,
        actor,
        "knowledge.taught",
        object=f"client:{client_id}",
        client_id=client_id,
        after={"added": len(ids), "replaced_all": is_replacing},
        at=at,
    )
    return len(ids)
