"""All clients, as an admin looks through them: searched, sorted, a page at a time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, String, func, literal, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.kit.cursor import Place
from csai.kit.identifier import check_id, is_id
from csai.kit.problem import not_found
from csai.models import ApiKey, ApiUsage, Client, Conversation
from csai.models.base import Id, UtcDateTime


@dataclass(frozen=True, slots=True)
class ClientFilter:
    """`client_ids` are those that the admin may see; None: all."""

    client_ids: Collection[str] | None
    search: str = ""
    status: str | None = None
    plan: str | None = None


@dataclass(frozen=True, slots=True)
class ListedRow:
    id: str
    name: str
    domain: str
    plan: str
    status: str
    created_at: datetime
    last_activity_at: datetime | None
    value: Any
    """What it is sorted by."""

    def place(self, order: str) -> Place:
        value = self.value.isoformat() if isinstance(self.value, datetime) else self.value
        return Place(order, value, self.id)


@dataclass(frozen=True, slots=True)
class UsedRow:
    conversations: int = 0
    messages: int = 0
    cost_micros: int = 0


_ACTIVITY = (
    select(func.max(Conversation.last_message_at))
    .where(Conversation.client_id == Client.id)
    .correlate(Client)
    .scalar_subquery()
)
_PLACES: Mapping[str, ColumnElement[Any]] = {
    "name": func.lower(Client.name, type_=String()),
    "created": Client.created_at.expression,
    # Of a client to whom nobody has written, how long it has been waiting for that.
    "activity": func.coalesce(_ACTIVITY, Client.created_at, type_=UtcDateTime()),
}


async def listed_clients(
    connection: AsyncConnection, asked: ClientFilter, *, sort: str, after: Place | None, count: int
) -> Sequence[ListedRow]:
    """In the order of `sort`, which begins with a minus where the last comes first."""
    place, is_down = _PLACES[sort.removeprefix("-")], sort.startswith("-")
    conditions = _conditions(asked)
    if after is not None:
        own, last = tuple_(place, Client.id), tuple_(_value(place, after), literal(after.id, Id))
        conditions.append(own < last if is_down else own > last)
    columns = (
        *(Client.id, Client.name, Client.domain, Client.plan_type, Client.status, Client.created_at),
        _ACTIVITY.label("last_activity_at"),
        place.label("place"),
    )
    order = (place.desc(), Client.id.desc()) if is_down else (place, Client.id)
    statement = select(*columns).where(*conditions).order_by(*order).limit(count)
    return [ListedRow(*row) for row in await connection.execute(statement)]


async def counted_clients(connection: AsyncConnection, asked: ClientFilter) -> dict[str, int]:
    """How many fit, by status."""
    statement = select(Client.status, func.count()).where(*_conditions(asked, is_any_status=True))
    return {row[0]: row[1] for row in await connection.execute(statement.group_by(Client.status))}


async def check_clients(connection: AsyncConnection, client_ids: Collection[str]) -> None:
    """Raises 404 where there is no client of one of these ids."""
    for client_id in client_ids:
        check_id(client_id, "client")
    there = select(func.count()).where(Client.id.in_(client_ids))
    if client_ids and await connection.scalar(there) != len(set(client_ids)):
        raise not_found("client")


async def used_by(
    connection: AsyncConnection, client_ids: Sequence[str], *, since: dt.date
) -> dict[str, UsedRow]:
    """What these clients used since that day, of those that used anything."""
    statement = (
        select(
            ApiUsage.client_id,
            *(
                func.sum(column)
                for column in (ApiUsage.conversation_count, ApiUsage.message_count, ApiUsage.cost_micros)
            ),
        )
        .where(ApiUsage.client_id.in_(client_ids), ApiUsage.date >= since)
        .group_by(ApiUsage.client_id)
    )
    return {row[0]: UsedRow(*map(int, row[1:])) for row in await connection.execute(statement)}


def _conditions(asked: ClientFilter, *, is_any_status: bool = False) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if asked.client_ids is not None:
        conditions.append(Client.id.in_(asked.client_ids))
    if asked.status is not None and not is_any_status:
        conditions.append(Client.status == asked.status)
    if asked.plan is not None:
        conditions.append(Client.plan_type == asked.plan)
    if asked.search:
        conditions.append(_found_by(asked.search))
    return conditions


def _found_by(search: str) -> ColumnElement[bool]:
    """By a part of the name or the domain, by the id, or by the last characters of a key."""
    found = [
        Client.name.icontains(search, autoescape=True),
        Client.domain.icontains(search, autoescape=True),
        Client.id.in_(select(ApiKey.client_id).where(ApiKey.hint == search)),
    ]
    if is_id(search.lower()):
        found.append(Client.id == search.lower())
    return or_(*found)


def _value(sorted_by: ColumnElement[Any], place: Place) -> ColumnElement[Any]:
    if isinstance(sorted_by.type, UtcDateTime):
        return literal(place.moment, UtcDateTime())
    return literal(place.value, String())
