"""The rows of tools that a client's own systems list."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, delete, exists, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.models import ClientTool, ListedTools, Tool
from csai.tools.offer import Offered


@dataclass(frozen=True, slots=True)
class OwnTool:
    """A tool as it was listed before."""

    tool_name: str
    source: str
    fingerprint: str
    is_gone: bool
    read_only: bool
    confirm: bool


class ListingRepository:
    """One client's listed tools. The caller holds the client's lock, and bumps the client."""

    def __init__(self, connection: AsyncConnection, client_id: str) -> None:
        self._connection = connection
        self._client_id = client_id

    async def own(self, backend: str) -> dict[str, OwnTool]:
        """By name."""
        statement = select(
            Tool.tool_name, Tool.source, Tool.fingerprint, Tool.gone, Tool.read_only, Tool.confirm
        ).where(Tool.client_id == self._client_id, Tool.backend == backend, Tool.fingerprint.is_not(None))
        rows: Sequence[Sequence[Any]] = (await self._connection.execute(statement)).all()
        return {row[0]: OwnTool(*row) for row in rows}

    async def taken(self, backend: str) -> set[str]:
        """Names of tools that are shared, or that another backend lists for the client."""
        statement = select(Tool.tool_name).where(
            or_(Tool.client_id.is_(None), and_(Tool.client_id == self._client_id, Tool.backend != backend))
        )
        return set((await self._connection.execute(statement)).scalars())

    async def add(self, backend: str, tools: Sequence[Offered], *, now: datetime) -> None:
        """Write actions ask the visitor first, until an admin says otherwise."""
        if tools:
            await self._connection.execute(
                insert(Tool),
                [
                    {
                        **asdict(tool),
                        "client_id": self._client_id,
                        "backend": backend,
                        "category": tool.source[:50],
                        "confirm": not tool.read_only,
                        "created_at": now,
                    }
                    for tool in tools
                ],
            )

    async def change(self, tools: Sequence[tuple[Offered, bool]]) -> None:
        """Bring what is there up to date; with each tool goes whether it asks first from now on."""
        names = (
            "description",
            "parameters_schema",
            "read_only",
            "idempotent",
            "source",
            "target",
            "fingerprint",
        )
        table = Tool.__table__
        statement = (
            # The table, not the class: of that, SQLAlchemy takes a list of rows for updates by primary key.
            table.update()  # type: ignore[attr-defined]
            .where(table.c.client_id == self._client_id, table.c.tool_name == bindparam("named"))
            .values({**{name: bindparam(f"new_{name}") for name in (*names, "confirm")}, "gone": False})
        )
        rows = [
            {
                "named": tool.tool_name,
                "new_confirm": confirm,
                **{f"new_{name}": getattr(tool, name) for name in names},
            }
            for tool, confirm in tools
        ]
        if rows:
            await self._connection.execute(statement, rows)

    async def lose(self, names: Collection[str]) -> None:
        """What is offered no more. Only what an admin has ever switched stays, for the admin to see."""
        if not names:
            return
        own = (Tool.client_id == self._client_id, Tool.tool_name.in_(names))
        is_switched = exists().where(ClientTool.tool_id == Tool.id, ClientTool.client_id == self._client_id)
        await self._connection.execute(delete(Tool).where(*own, ~is_switched))
        await self._connection.execute(update(Tool).where(*own).values(gone=True))

    async def note(self, backend: str, sources: list[Any], *, now: datetime) -> None:
        """Keep what the systems said, in place of what they said before."""
        at = (ListedTools.client_id == self._client_id, ListedTools.backend == backend)
        await self._connection.execute(delete(ListedTools).where(*at))
        await self._connection.execute(
            insert(ListedTools).values(
                client_id=self._client_id, backend=backend, sources=sources, listed_at=now
            )
        )

    async def sources(self) -> list[dict[str, Any]]:
        """What the client's systems said when they were last asked."""
        statement = (
            select(ListedTools.backend, ListedTools.sources, ListedTools.listed_at)
            .where(ListedTools.client_id == self._client_id)
            .order_by(ListedTools.backend)
        )
        return [
            {**source, "backend": backend, "listed_at": listed_at}
            for backend, sources, listed_at in await self._connection.execute(statement)
            for source in sources
        ]
