"""The two kill switches: one client's AI off, and all spending on models off.

Both show in the clients' `config_version`, which every turn reads as it is: they hold from the next turn on,
in every process, and cost a turn nothing. Turns that run are let end.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from csai_sdk import Clock
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.admins.audit import Actor, record
from csai.clients.pause_repository import PauseRepository, SpendingRepository
from csai.clients.repository import ClientRepository


@dataclass(frozen=True, slots=True)
class Pause:
    """Whether the client's AI answers; it does not while either is set."""

    is_paused: bool
    is_spending_stopped: bool


async def client_pause(connection: AsyncConnection, client_id: str) -> Pause:
    """Raises 404."""
    client = await ClientRepository(connection, client_id).get()
    return Pause(client.is_paused, await SpendingRepository(connection).stopped_since() is not None)


async def set_pause(
    transaction: AsyncConnection, client_id: str, *, is_paused: bool, actor: Actor, clock: Clock
) -> Pause:
    """Switch the client's AI off or on; repeating it changes nothing. Raises 404."""
    await ClientRepository(transaction, client_id).lock()
    before = await client_pause(transaction, client_id)
    if before.is_paused == is_paused:
        return before
    await PauseRepository(transaction, client_id).set(is_paused=is_paused)
    await record(
        transaction,
        actor,
        "client.paused" if is_paused else "client.resumed",
        object=f"client:{client_id}",
        client_id=client_id,
        before={"is_paused": before.is_paused},
        after={"is_paused": is_paused},
        at=clock.now(),
    )
    return Pause(is_paused, before.is_spending_stopped)


async def stop_spending(
    transaction: AsyncConnection, *, is_stopped: bool, actor: Actor, clock: Clock
) -> datetime | None:
    """Stop all calls of models, or let them go on; since when they are stopped. Repeatable."""
    repository, now = SpendingRepository(transaction), clock.now()
    is_changed = await repository.stop(now=now) if is_stopped else await repository.resume()
    if not is_changed:
        return await repository.stopped_since()
    await record(
        transaction,
        actor,
        "spending.stopped" if is_stopped else "spending.resumed",
        object="spending",
        before={"is_stopped": not is_stopped},
        after={"is_stopped": is_stopped},
        at=now,
    )
    return now if is_stopped else None
