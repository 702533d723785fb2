"""The catalog's rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from csai_sdk import Tool as PythonTool
from sqlalchemy import and_, delete, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.kit.identifier import new_id
from csai.kit.problem import Problem
from csai.models import Client, ClientTool, Tool


@dataclass(frozen=True, slots=True)
class SwitchedTool:
    """A tool of the catalog as one client has it."""

    backend: str
    plugin: str | None
    enabled: bool
    webhook_url: str | None
    config: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CatalogRow:
    """A shared tool. `plugin` is set for a plugin's own function."""

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
            )
            .outerjoin_from(
                Tool,
                ClientTool,
                and_(ClientTool.tool_id == Tool.id, ClientTool.client_id == self._client_id),
            )
            .where(Tool.id == tool_id)
        )
        backend, plugin, enabled, url, config = (await self._connection.execute(statement)).one()
        return SwitchedTool(backend, plugin, bool(enabled), url, config or {})

    async def all(self) -> list[CatalogRow]:
        """The tools that the client can have, shared ones and its own, by name."""
        columns = [Tool.__table__.c[field.name] for field in fields(CatalogRow)]
        usable = (
            select(*columns)
            .where(or_(Tool.client_id.is_(None), Tool.client_id == self._client_id))
            .order_by(Tool.tool_name)
        )
        return [CatalogRow(*row) for row in await self._connection.execute(usable)]

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
            )
            .join_from(ClientTool, Tool, Tool.id == ClientTool.tool_id)
            .where(ClientTool.client_id == self._client_id)
        )
        rows = await self._connection.execute(statement)
        return {name: SwitchedTool(*rest) for name, *rest in rows}

    async def enable(
        self, tool_name: str, *, webhook_url: str | None = None, config: Mapping[str, Any] | None = None
    ) -> None:
        """Give the client a tool of the catalog; replaces how it had it. The caller bumps the client."""
        await self.put(tool_name, enabled=True, webhook_url=webhook_url, config=config or {})

    async def put(
        self, tool_name: str, *, enabled: bool, webhook_url: str | None, config: Mapping[str, Any]
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
            )
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
            dialect = postgresql if self._connection.dialect.name == "postgresql" else sqlite
            await self._connection.execute(
                dialect.insert(Tool)
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

    async def update(self, tool_name: str, **values: Any) -> None:
        """Change a shared tool, and make every process rebuild its view of the clients that have it."""
        tool_id = select(Tool.id).where(Tool.client_id.is_(None), Tool.tool_name == tool_name)
        having = select(ClientTool.client_id).where(ClientTool.tool_id == tool_id.scalar_subquery())
        await self._connection.execute(
            update(Client).where(Client.id.in_(having)).values(config_version=Client.config_version + 1)
        )
        await self._connection.execute(
            update(Tool).where(Tool.client_id.is_(None), Tool.tool_name == tool_name).values(**values)
        )
