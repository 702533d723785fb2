"""The catalog's rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any

from csai_sdk import Tool as PythonTool
from sqlalchemy import Select, and_, delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.kit.identifier import new_id
from csai.kit.problem import Problem
from csai.models import Client, ClientIntegration, ClientTool, IntegrationEndpoint, Tool
from csai.statement import upsert


@dataclass(frozen=True, slots=True)
class SwitchedTool:
    """A tool of the catalog as one client has it."""

    backend: str
    plugin: str | None
    enabled: bool
    webhook_url: str | None
    config: Mapping[str, Any]
    is_connected: bool = True
    """Whether the connection that it reads through is on, where it has one."""
    fingerprint: str | None = None
    """Of what one of the client's own systems lists, as it is now."""
    approved: str | None = None
    """And as it was when an admin switched it on."""
    is_gone: bool = False
    row_id: str | None = None
    """Another one with each change; None where it was never switched."""

    @property
    def is_changed(self) -> bool:
        """Whether it is no longer what was switched on."""
        return self.enabled and self.fingerprint != self.approved


@dataclass(frozen=True, slots=True)
class CatalogRow:
    """A tool. `plugin` is set for a plugin's own function, `source` for what a client's own system lists."""

    tool_name: str
    description: str
    parameters_schema: Mapping[str, Any]
    category: str
    backend: str
    plugin: str | None
    read_only: bool
    idempotent: bool
    private: bool
    confirm: bool
    source: str | None = None
    fingerprint: str | None = None
    gone: bool = False


def tool_state(row: CatalogRow, had: SwitchedTool | None) -> dict[str, Any]:
    """All that an admin may have looked at before changing a tool, for `If-Match`."""
    return {"definition": asdict(row), "switched": had.row_id if had else None}


# A client's own tool stands in the place of a shared one of that name.
_OWN_LAST = (Tool.client_id.is_not(None),)


class ToolRepository:
    """The catalog as one client sees it: shared tools and its own."""

    def __init__(self, connection: AsyncConnection, client_id: str) -> None:
        self._connection = connection
        self._client_id = client_id

    async def get(self, tool_name: str) -> SwitchedTool:
        """How the client has a tool of the catalog; never switched is off. Raises `Problem`."""
        tool_id = await self._find(tool_name)
        statement = (
            select(
                Tool.backend,
                Tool.plugin,
                ClientTool.enabled,
                ClientTool.n8n_webhook_url,
                ClientTool.custom_config,
                ClientIntegration.enabled,
                Tool.fingerprint,
                ClientTool.approved,
                Tool.gone,
                ClientTool.id,
            )
            .outerjoin_from(
                Tool,
                ClientTool,
                and_(ClientTool.tool_id == Tool.id, ClientTool.client_id == self._client_id),
            )
            .where(Tool.id == tool_id)
        )
        row = (await self._connection.execute(self._with_connection(statement))).one()
        backend, plugin, enabled, url, config, is_connected, *listed = row
        return SwitchedTool(
            backend, plugin, bool(enabled), url, config or {}, is_connected is not False, *listed
        )

    async def all(self) -> list[CatalogRow]:
        """The tools that the client can have, shared ones and its own, by name."""
        columns = [Tool.__table__.c[field.name] for field in fields(CatalogRow)]
        usable = (
            select(*columns)
            .where(or_(Tool.client_id.is_(None), Tool.client_id == self._client_id))
            .order_by(Tool.tool_name, *_OWN_LAST)
        )
        rows = [CatalogRow(*row) for row in await self._connection.execute(usable)]
        return list({row.tool_name: row for row in rows}.values())

    async def switched(self) -> dict[str, SwitchedTool]:
        """How the client has each tool that it was ever given, by name."""
        statement = (
            select(
                Tool.tool_name,
                Tool.backend,
                Tool.plugin,
                ClientTool.enabled,
                ClientTool.n8n_webhook_url,
                ClientTool.custom_config,
                ClientIntegration.enabled,
                Tool.fingerprint,
                ClientTool.approved,
                Tool.gone,
                ClientTool.id,
            )
            .join_from(ClientTool, Tool, Tool.id == ClientTool.tool_id)
            .where(ClientTool.client_id == self._client_id)
            .order_by(*_OWN_LAST)
        )
        rows = await self._connection.execute(self._with_connection(statement))
        return {
            name: SwitchedTool(backend, plugin, enabled, url, config, is_connected is not False, *listed)
            for name, backend, plugin, enabled, url, config, is_connected, *listed in rows
        }

    async def enable(
        self, tool_name: str, *, webhook_url: str | None = None, config: Mapping[str, Any] | None = None
    ) -> None:
        """Give the client a tool of the catalog; replaces how it had it. The caller bumps the client."""
        await self.put(tool_name, enabled=True, webhook_url=webhook_url, config=config or {})

    async def put(
        self,
        tool_name: str,
        *,
        enabled: bool,
        webhook_url: str | None,
        config: Mapping[str, Any],
        approved: str | None = None,
    ) -> None:
        """Say how the client has a tool; replaces how it had it. The caller bumps the client."""
        tool_id = await self._find(tool_name)
        await self._connection.execute(
            delete(ClientTool).where(ClientTool.client_id == self._client_id, ClientTool.tool_id == tool_id)
        )
        await self._connection.execute(
            insert(ClientTool).values(
                client_id=self._client_id,
                tool_id=tool_id,
                enabled=enabled,
                n8n_webhook_url=webhook_url,
                custom_config=dict(config),
                approved=approved,
            )
        )

    def _with_connection(self, statement: Select[Any]) -> Select[Any]:
        """Beside the connection that a tool reads through."""
        of_client = self._client_id
        return statement.outerjoin(
            IntegrationEndpoint,
            and_(IntegrationEndpoint.client_id == of_client, IntegrationEndpoint.id == Tool.endpoint_id),
        ).outerjoin(
            ClientIntegration,
            and_(
                ClientIntegration.client_id == of_client,
                ClientIntegration.id == IntegrationEndpoint.integration_id,
            ),
        )

    async def set_own(self, tool_name: str, **flags: bool) -> None:
        """Change flags of a tool that one of the client's own systems lists. Raises `Problem`."""
        changed = await self._connection.execute(
            update(Tool).where(Tool.client_id == self._client_id, Tool.tool_name == tool_name).values(**flags)
        )
        if changed.rowcount == 0:
            raise Problem(
                409,
                "tool_shared",
                f"'{tool_name[:64]}' is shared by all clients: its catalog file says whom it is for and "
                "whether it asks first (csai tools add).",
            )

    async def _find(self, tool_name: str) -> str:
        statement = (
            select(Tool.id)
            .where(
                Tool.tool_name == tool_name,
                or_(Tool.client_id.is_(None), Tool.client_id == self._client_id),
            )
            .order_by(Tool.client_id.is_(None))
        )
        tool_id: str | None = (await self._connection.execute(statement)).scalars().first()
        if tool_id is None:
            raise Problem(
                404, "tool_unknown", f"The catalog has no tool '{tool_name[:64]}'. See csai tools list."
            )
        return tool_id


class Catalog:
    """The shared catalog, which no client owns."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def sync_plugin_tools(self, tools: Sequence[tuple[str, PythonTool]], *, now: datetime) -> None:
        """Bring the rows of tools that plugins register as functions up to date; add what is new."""
        for plugin, tool in tools:
            values = {
                "description": tool.spec.description,
                "parameters_schema": dict(tool.spec.parameters_schema),
                "category": tool.category,
                "plugin": plugin,
                "read_only": tool.spec.is_read_only,
                "idempotent": tool.is_idempotent,
                "private": tool.is_private,
                "confirm": tool.needs_confirmation,
            }
            # Several servers may start at once, so the row may appear between a look and an insert.
            await self._connection.execute(
                upsert(self._connection, Tool)
                .values(id=new_id(), tool_name=tool.spec.name, backend="python", created_at=now, **values)
                .on_conflict_do_nothing()
            )
            await self._connection.execute(
                update(Tool)
                .where(Tool.client_id.is_(None), Tool.backend == "python", Tool.tool_name == tool.spec.name)
                .values(**values)
            )

    async def add(self, tool_name: str, *, backend: str, now: datetime, **values: Any) -> None:
        """Add a shared tool. The caller has checked its schema with `check_tool_schema`."""
        await self._connection.execute(
            insert(Tool).values(tool_name=tool_name, backend=backend, created_at=now, **values)
        )

    async def rows(self) -> list[CatalogRow]:
        """The shared tools, by name."""
        columns = [Tool.__table__.c[field.name] for field in fields(CatalogRow)]
        shared = select(*columns).where(Tool.client_id.is_(None)).order_by(Tool.tool_name)
        return [CatalogRow(*row) for row in await self._connection.execute(shared)]

    async def find(self, tool_name: str, *, is_locking: bool = False) -> CatalogRow | None:
        """A shared tool; no other transaction changes it until a locking one ends."""
        columns = [Tool.__table__.c[field.name] for field in fields(CatalogRow)]
        shared = select(*columns).where(*_shared(tool_name))
        if is_locking:
            shared = shared.with_for_update(key_share=True)
        row = (await self._connection.execute(shared)).first()
        return CatalogRow(*row) if row else None

    async def update(self, tool_name: str, **values: Any) -> None:
        """Change a shared tool, and make every process rebuild its view of the clients that have it."""
        await self._bump_owners(tool_name)
        await self._connection.execute(update(Tool).where(*_shared(tool_name)).values(**values))

    async def delete(self, tool_name: str) -> None:
        """Remove a shared tool, for the clients that have it too."""
        await self._bump_owners(tool_name)
        await self._connection.execute(delete(Tool).where(*_shared(tool_name)))

    async def _bump_owners(self, tool_name: str) -> None:
        tool_id = select(Tool.id).where(*_shared(tool_name)).scalar_subquery()
        having = select(ClientTool.client_id).where(ClientTool.tool_id == tool_id)
        await self._connection.execute(
            update(Client).where(Client.id.in_(having)).values(config_version=Client.config_version + 1)
        )


def _shared(tool_name: str) -> tuple[Any, ...]:
    return Tool.client_id.is_(None), Tool.tool_name == tool_name
