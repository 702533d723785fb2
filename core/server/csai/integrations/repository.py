"""A client's connections, their endpoints, and the tools that these are offered as."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.kit.identifier import new_id
from csai.kit.problem import not_found
from csai.models import (
    Client,
    ClientIntegration,
    ClientTool,
    IntegrationDelivery,
    IntegrationEndpoint,
    Tool,
)

BACKEND = "integration"


def owner_of_connection(client_id: str, integration_id: str) -> str:
    """Whom the secrets of a connection belong to, for the keyring."""
    return f"client:{client_id}/integration:{integration_id}"


@dataclass(frozen=True, slots=True)
class ConnectionRow:
    """A connection as it is stored; `connection_config` is its secrets, encrypted."""

    id: str
    integration_type: str
    name: str
    settings: Mapping[str, Any]
    connection_config: str | None = field(repr=False)
    settings_version: int
    enabled: bool
    revision: int
    last_sync_test: datetime | None
    last_test_ok: bool | None
    last_test_detail: str | None
    created_at: datetime
    updated_at: datetime | None


@dataclass(frozen=True, slots=True)
class EndpointRow:
    """An endpoint as it is stored."""

    id: str
    integration_id: str
    endpoint_name: str
    endpoint_url: str
    method: str
    description: str
    parameters_schema: Mapping[str, Any]
    request: Mapping[str, Any]
    is_private: bool
    is_ready: bool
    visitor_parameters: Sequence[str]
    cache_s: int
    revision: int


@dataclass(frozen=True, slots=True)
class OfferRow:
    """The tool that an endpoint is offered as."""

    tool_name: str
    enabled: bool


@dataclass(frozen=True, slots=True)
class Addressed:
    """The connection that a webhook's address names, and whose it is."""

    client_id: str
    config_version: int
    row: ConnectionRow


_CONNECTION = [
    getattr(ClientIntegration, name)
    for name in ConnectionRow.__slots__  # in the order of the fields
]
_ENDPOINT = [getattr(IntegrationEndpoint, name) for name in EndpointRow.__slots__]


async def addressed(
    connection: AsyncConnection, integration_type: str, integration_id: str
) -> Addressed | None:
    """Of any client: who calls has shown no key, and is known by the delivery's signature alone.

    Also of a connection that is off: a shop has customers forgotten after it was disconnected.
    """
    statement = (
        select(ClientIntegration.client_id, Client.config_version, *_CONNECTION)
        .join(Client, Client.id == ClientIntegration.client_id)
        .where(ClientIntegration.id == integration_id, ClientIntegration.integration_type == integration_type)
    )
    row = (await connection.execute(statement)).first()
    return None if row is None else Addressed(row[0], row[1], ConnectionRow(*row[2:]))


class ConnectionRepository:
    """The connections of one client."""

    def __init__(self, connection: AsyncConnection, client_id: str) -> None:
        self._connection = connection
        self._client_id = client_id

    async def all(self) -> list[ConnectionRow]:
        statement = select(*_CONNECTION).where(ClientIntegration.client_id == self._client_id)
        rows = await self._connection.execute(statement.order_by(ClientIntegration.name))
        return [ConnectionRow(*row) for row in rows]

    async def get(self, integration_id: str) -> ConnectionRow:
        """Raises 404."""
        statement = select(*_CONNECTION).where(*self._is(integration_id))
        row = (await self._connection.execute(statement)).first()
        if row is None:
            raise not_found("integration")
        return ConnectionRow(*row)

    async def holding_secrets(self, integration_types: Collection[str]) -> list[str]:
        """The names of the connections of these types that have secrets, or tokens that a system gave."""
        rows = await self._connection.execute(
            select(ClientIntegration.name)
            .where(
                ClientIntegration.client_id == self._client_id,
                ClientIntegration.integration_type.in_(integration_types),
                or_(
                    ClientIntegration.connection_config.is_not(None),
                    ClientIntegration.tokens_encrypted.is_not(None),
                ),
            )
            .order_by(ClientIntegration.name)
        )
        return list(rows.scalars())

    async def count(self) -> int:
        statement = select(func.count(ClientIntegration.id)).where(
            ClientIntegration.client_id == self._client_id
        )
        return (await self._connection.execute(statement)).scalar_one()

    async def add(self, **values: Any) -> None:
        await self._connection.execute(insert(ClientIntegration).values(client_id=self._client_id, **values))

    async def update(self, integration_id: str, **values: Any) -> None:
        await self._connection.execute(
            update(ClientIntegration).where(*self._is(integration_id)).values(**values)
        )

    async def take_nonce(self, integration_id: str, nonce: str) -> bool:
        """Whether a consent was awaited under that name; it no longer is."""
        statement = (
            update(ClientIntegration)
            .where(*self._is(integration_id), ClientIntegration.consent_nonce == nonce)
            .values(consent_nonce=None)
        )
        return (await self._connection.execute(statement)).rowcount == 1

    async def delete(self, integration_id: str) -> None:
        """With its endpoints, and the tools that they are offered as."""
        await self._connection.execute(delete(ClientIntegration).where(*self._is(integration_id)))

    async def take_delivery(self, integration_id: str, delivery_id: str, *, now: datetime) -> bool:
        """Whether it is the first of that id. The client's row is locked by the caller."""
        known = select(IntegrationDelivery.id).where(
            IntegrationDelivery.client_id == self._client_id,
            IntegrationDelivery.integration_id == integration_id,
            IntegrationDelivery.delivery_id == delivery_id,
        )
        if (await self._connection.execute(known)).first() is not None:
            return False
        await self._connection.execute(
            insert(IntegrationDelivery).values(
                id=new_id(),
                client_id=self._client_id,
                integration_id=integration_id,
                delivery_id=delivery_id,
                received_at=now,
            )
        )
        return True

    def _is(self, integration_id: str) -> tuple[Any, ...]:
        return (
            ClientIntegration.client_id == self._client_id,
            ClientIntegration.id == integration_id,
        )


class TokenRepository:
    """What one connection's system gave for it, encrypted, and the lease of whoever renews it."""

    def __init__(self, connection: AsyncConnection, client_id: str, integration_id: str) -> None:
        self._connection = connection
        self._is = (ClientIntegration.client_id == client_id, ClientIntegration.id == integration_id)

    async def get(self) -> str | None:
        statement = select(ClientIntegration.tokens_encrypted).where(*self._is)
        return (await self._connection.execute(statement)).scalar()

    async def claim(self, *, now: datetime, until: datetime) -> bool:
        """Whether the lease is this caller's now."""
        lease = ClientIntegration.tokens_lease_until
        statement = (
            update(ClientIntegration)
            .where(*self._is, or_(lease.is_(None), lease < now))
            .values(tokens_lease_until=until)
        )
        return (await self._connection.execute(statement)).rowcount == 1

    async def release(self, token: str | None) -> None:
        """Give the lease back; what was made is kept, None changes nothing."""
        values: dict[str, Any] = {"tokens_lease_until": None}
        if token is not None:
            values["tokens_encrypted"] = token
        await self._connection.execute(update(ClientIntegration).where(*self._is).values(**values))


class EndpointRepository:
    """The endpoints of one client's connections, and the tools that they are offered as."""

    def __init__(self, connection: AsyncConnection, client_id: str) -> None:
        self._connection = connection
        self._client_id = client_id

    async def of(self, integration_id: str) -> dict[str, tuple[EndpointRow, OfferRow | None]]:
        """What is stored of a connection's endpoints, by name."""
        statement = (
            select(*_ENDPOINT, Tool.tool_name, ClientTool.enabled)
            .outerjoin(
                Tool,
                and_(Tool.client_id == self._client_id, Tool.endpoint_id == IntegrationEndpoint.id),
            )
            .outerjoin(
                ClientTool, and_(ClientTool.client_id == self._client_id, ClientTool.tool_id == Tool.id)
            )
            .where(
                IntegrationEndpoint.client_id == self._client_id,
                IntegrationEndpoint.integration_id == integration_id,
            )
            .order_by(IntegrationEndpoint.endpoint_name)
        )
        return {
            row.endpoint_name: (
                EndpointRow(*row[:-2]),
                None if row[-2] is None else OfferRow(row[-2], bool(row[-1])),
            )
            for row in await self._connection.execute(statement)
        }

    async def add(self, **values: Any) -> None:
        await self._connection.execute(
            insert(IntegrationEndpoint).values(client_id=self._client_id, **values)
        )

    async def update(self, endpoint_id: str, **values: Any) -> None:
        await self._connection.execute(
            update(IntegrationEndpoint)
            .where(IntegrationEndpoint.client_id == self._client_id, IntegrationEndpoint.id == endpoint_id)
            .values(**values)
        )

    async def delete(self, endpoint_id: str) -> None:
        """With the tool that it is offered as."""
        await self._connection.execute(
            delete(IntegrationEndpoint).where(
                IntegrationEndpoint.client_id == self._client_id, IntegrationEndpoint.id == endpoint_id
            )
        )

    async def has_tool(self, tool_name: str) -> bool:
        """Whether the client can have a tool of that name already: its own, or a shared one."""
        statement = select(Tool.id).where(
            Tool.tool_name == tool_name, or_(Tool.client_id.is_(None), Tool.client_id == self._client_id)
        )
        return (await self._connection.execute(statement)).first() is not None

    async def add_tool(self, endpoint_id: str, **values: Any) -> None:
        await self._connection.execute(
            insert(Tool).values(
                client_id=self._client_id,
                endpoint_id=endpoint_id,
                backend=BACKEND,
                read_only=True,
                idempotent=True,
                **values,
            )
        )

    async def update_tool(self, endpoint_id: str, **values: Any) -> None:
        """Nothing happens where the endpoint is not offered."""
        await self._connection.execute(
            update(Tool)
            .where(Tool.client_id == self._client_id, Tool.endpoint_id == endpoint_id)
            .values(**values)
        )

    async def delete_tool(self, endpoint_id: str) -> None:
        await self._connection.execute(
            delete(Tool).where(Tool.client_id == self._client_id, Tool.endpoint_id == endpoint_id)
        )

    async def offered(self) -> list[tuple[str, EndpointRow, ConnectionRow]]:
        """What turns may read: name of the tool, its endpoint and connection, where both are on."""
        statement = (
            select(Tool.tool_name, *_ENDPOINT, *_CONNECTION)
            .join_from(
                IntegrationEndpoint,
                ClientIntegration,
                and_(
                    ClientIntegration.client_id == self._client_id,
                    ClientIntegration.id == IntegrationEndpoint.integration_id,
                ),
            )
            .join(Tool, and_(Tool.client_id == self._client_id, Tool.endpoint_id == IntegrationEndpoint.id))
            .join(ClientTool, and_(ClientTool.client_id == self._client_id, ClientTool.tool_id == Tool.id))
            .where(
                IntegrationEndpoint.client_id == self._client_id,
                ClientIntegration.enabled,
                ClientTool.enabled,
            )
        )
        return [_offered(row) for row in await self._connection.execute(statement)]


def _offered(row: Row[Any]) -> tuple[str, EndpointRow, ConnectionRow]:
    count = len(_ENDPOINT) + 1
    return row[0], EndpointRow(*row[1:count]), ConnectionRow(*row[count:])
