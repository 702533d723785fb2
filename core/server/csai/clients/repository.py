"""Reading and writing clients. Every statement but the key look-up is scoped to one client."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import and_, bindparam, delete, exists, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.database import Database
from csai.kit.identifier import is_id, new_id
from csai.kit.problem import not_found
from csai.models import (
    ApiKey,
    Client,
    ClientOrigin,
    ClientPlugin,
    ClientTool,
    KnowledgePassage,
    Plan,
    Tool,
    Turn,
)
from csai.statement import Prepared, Step

KeyKind = Literal["publishable", "secret"]


@dataclass(frozen=True, slots=True)
class KeyRow:
    """What a presented key says."""

    client_id: str
    kind: KeyKind
    expires_at: datetime | None
    client_status: str
    config_version: int


@dataclass(frozen=True, slots=True)
class ClientRow:
    id: str
    name: str
    status: str
    config_version: int
    settings: Mapping[str, Any]
    branding: Mapping[str, Any]
    identity_secret: str | None
    timezone: str
    limits: Mapping[str, int]
    limit_message: str
    features: Mapping[str, Any]
    """Of its plan."""
    plan: str
    is_paused: bool = False


@dataclass(frozen=True, slots=True)
class ClientPluginRow:
    """A plugin as it is stored for a client. `previous` is the state before the last change."""

    enabled: bool
    settings: Mapping[str, Any]
    secrets: str | None
    settings_version: int = 1
    revision: int = 0
    previous: Mapping[str, Any] | None = None
    previous_secrets: str | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ClientToolRow:
    tool_name: str
    description: str
    parameters_schema: Mapping[str, Any]
    backend: str
    plugin: str | None
    read_only: bool
    idempotent: bool
    private: bool
    confirm: bool
    n8n_webhook_url: str | None = None
    custom_config: Mapping[str, Any] = field(default_factory=dict)
    target: Mapping[str, Any] | None = None


_TOOL = (
    *(Tool.tool_name, Tool.description, Tool.parameters_schema, Tool.backend, Tool.plugin),
    *(Tool.read_only, Tool.idempotent, Tool.private, Tool.confirm),
)
_KEY = Prepared(
    select(ApiKey.client_id, ApiKey.kind, ApiKey.expires_at, Client.status, Client.config_version)
    .join_from(ApiKey, Client, Client.id == ApiKey.client_id)
    .where(ApiKey.key_hash == bindparam("hash"))
)


async def find_key(database: Database, key_hash: str) -> KeyRow | None:
    """The one look-up that no client scopes: the key is what tells the client."""
    (rows,) = await database.fetch(Step(_KEY, {"hash": key_hash}))
    row = rows[0] if rows else None
    return KeyRow(*row) if row else None


@dataclass(frozen=True, slots=True)
class ClientSummary:
    """A client as the operator sees it in a list."""

    id: str
    name: str
    plan_type: str
    status: str
    created_at: datetime


async def client_summaries(connection: AsyncConnection, *, name_or_id: str = "") -> list[ClientSummary]:
    """For the operator, whom no client scopes: all clients, oldest first, or only those so called."""
    statement = select(Client.id, Client.name, Client.plan_type, Client.status, Client.created_at)
    if name_or_id:
        called = Client.id == name_or_id.lower() if is_id(name_or_id.lower()) else Client.name == name_or_id
        statement = statement.where(called)
    return [ClientSummary(*row) for row in await connection.execute(statement.order_by(Client.id))]


async def busy_clients(connection: AsyncConnection, *, since: datetime) -> list[str]:
    """For the jobs, which no client scopes: those that were written to since then, oldest first."""
    asked = exists().where(Turn.client_id == Client.id, Turn.accepted_at >= since)
    return list((await connection.execute(select(Client.id).where(asked).order_by(Client.id))).scalars())


async def plugins_in_use(connection: AsyncConnection) -> dict[str, int]:
    """For the operator, whom no client scopes: how many clients have each plugin switched on, by a row."""
    statement = select(ClientPlugin.plugin, func.count(ClientPlugin.client_id)).where(ClientPlugin.enabled)
    rows = await connection.execute(statement.group_by(ClientPlugin.plugin).order_by(ClientPlugin.plugin))
    return {row[0]: row[1] for row in rows}


async def has_plan(connection: AsyncConnection, name: str) -> bool:
    """Whether the installation has such a plan; plans belong to no client."""
    return (await connection.execute(select(Plan.name).where(Plan.name == name))).first() is not None


class ClientRepository:
    """One client and what belongs to its configuration."""

    def __init__(self, connection: AsyncConnection, client_id: str) -> None:
        self._connection = connection
        self._client_id = client_id

    async def get(self) -> ClientRow:
        statement = (
            select(
                Client.id,
                Client.name,
                Client.status,
                Client.config_version,
                Client.settings,
                Client.branding,
                Client.identity_secret,
                Client.timezone,
                Plan.limits,
                Plan.limit_message,
                Plan.features,
                Plan.name,
                Client.is_paused,
            )
            .join_from(Client, Plan, Plan.name == Client.plan_type)
            .where(Client.id == self._client_id)
        )
        row = (await self._connection.execute(statement)).first()
        if row is None:
            raise not_found("client")
        return ClientRow(*row)

    async def add(self, **values: Any) -> None:
        await self._connection.execute(insert(Client).values(id=self._client_id, **values))

    async def lock(self) -> None:
        """Let no other transaction change this client's configuration until this one has ended."""
        # As weak as it may be: rows that refer to the client, those of turns, can still be written.
        statement = select(Client.id).where(Client.id == self._client_id).with_for_update(key_share=True)
        if (await self._connection.execute(statement)).first() is None:
            raise not_found("client")

    async def bump(self) -> int:
        """Make every process rebuild its view of this client at its next turn; the new version."""
        statement = (
            update(Client)
            .where(Client.id == self._client_id)
            .values(config_version=Client.config_version + 1)
            .returning(Client.config_version)
        )
        version = (await self._connection.execute(statement)).scalar()
        if version is None:
            raise not_found("client")
        return version

    async def update_settings(self, settings: Mapping[str, Any]) -> None:
        await self._connection.execute(
            update(Client).where(Client.id == self._client_id).values(settings=dict(settings))
        )
        await self.bump()

    async def set_branding(self, branding: Mapping[str, Any]) -> None:
        await self._connection.execute(
            update(Client).where(Client.id == self._client_id).values(branding=dict(branding))
        )
        await self.bump()

    async def add_key(self, *, kind: KeyKind, key_hash: str, hint: str, now: datetime) -> str:
        """The key's id."""
        made = new_id()
        await self._connection.execute(
            insert(ApiKey).values(
                id=made, client_id=self._client_id, kind=kind, key_hash=key_hash, hint=hint, created_at=now
            )
        )
        return made

    async def has_keys(self, hashes: Collection[str]) -> bool:
        """Whether all of these are keys of the client."""
        own = select(ApiKey.key_hash).where(ApiKey.client_id == self._client_id)
        return set(hashes) <= set((await self._connection.execute(own)).scalars())

    async def origins(self) -> list[str]:
        statement = select(ClientOrigin.origin).where(ClientOrigin.client_id == self._client_id)
        return list((await self._connection.execute(statement)).scalars())

    async def set_origins(self, origins: list[str]) -> None:
        await self._connection.execute(delete(ClientOrigin).where(ClientOrigin.client_id == self._client_id))
        if origins:
            await self._connection.execute(
                insert(ClientOrigin), [{"client_id": self._client_id, "origin": origin} for origin in origins]
            )
        await self.bump()

    async def has_knowledge(self) -> bool:
        statement = select(KnowledgePassage.id).where(KnowledgePassage.client_id == self._client_id).limit(1)
        return (await self._connection.execute(statement)).first() is not None

    async def plugins(self) -> dict[str, ClientPluginRow]:
        statement = select(
            ClientPlugin.plugin,
            ClientPlugin.enabled,
            ClientPlugin.settings,
            ClientPlugin.secrets,
            ClientPlugin.settings_version,
            ClientPlugin.revision,
            ClientPlugin.previous,
            ClientPlugin.previous_secrets,
            ClientPlugin.updated_at,
        ).where(ClientPlugin.client_id == self._client_id)
        return {row[0]: ClientPluginRow(*row[1:]) for row in await self._connection.execute(statement)}

    async def set_plugin(
        self,
        plugin: str,
        *,
        enabled: bool,
        settings: Mapping[str, Any],
        secrets: str | None,
        settings_version: int = 1,
        previous: Mapping[str, Any] | None = None,
        previous_secrets: str | None = None,
        now: datetime,
    ) -> int:
        """Switch a plugin and give its settings, in place of what was there; the client's new version."""
        values = {
            "enabled": enabled,
            "settings": dict(settings),
            "secrets": secrets,
            "settings_version": settings_version,
            "previous": None if previous is None else dict(previous),
            "previous_secrets": previous_secrets,
            "updated_at": now,
        }
        changed = await self._connection.execute(
            update(ClientPlugin)
            .where(ClientPlugin.client_id == self._client_id, ClientPlugin.plugin == plugin)
            .values(revision=ClientPlugin.revision + 1, **values)
        )
        if changed.rowcount == 0:
            await self._connection.execute(
                insert(ClientPlugin).values(client_id=self._client_id, plugin=plugin, **values)
            )
        return await self.bump()

    async def tools(self) -> list[ClientToolRow]:
        """The catalog tools this client has enabled, by name; of listed ones those that are as approved."""
        statement = (
            select(*_TOOL, ClientTool.n8n_webhook_url, ClientTool.custom_config, Tool.target)
            .join_from(
                ClientTool,
                Tool,
                and_(
                    Tool.id == ClientTool.tool_id,
                    or_(Tool.client_id.is_(None), Tool.client_id == self._client_id),
                ),
            )
            .where(
                ClientTool.client_id == self._client_id,
                ClientTool.enabled,
                ~Tool.gone,
                or_(Tool.fingerprint.is_(None), Tool.fingerprint == ClientTool.approved),
            )
            # A tool of its own after a shared one of that name, in whose place it is.
            .order_by(Tool.tool_name, Tool.client_id.is_not(None))
        )
        return [ClientToolRow(*row) for row in await self._connection.execute(statement)]

    async def undecided_tools(self, plugins: Collection[str]) -> list[ClientToolRow]:
        """The plugins' functions that this client has never had switched on or off, by name."""
        is_decided = exists().where(ClientTool.tool_id == Tool.id, ClientTool.client_id == self._client_id)
        statement = (
            select(*_TOOL)
            .where(Tool.client_id.is_(None), Tool.plugin.in_(plugins), ~Tool.gone, ~is_decided)
            .order_by(Tool.tool_name)
        )
        rows = await self._connection.execute(statement)
        return [ClientToolRow(*row) for row in rows]
