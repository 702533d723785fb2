"""The catalog's rows, and the log of what ran."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from csai_sdk import Tool as PythonTool
from csai_sdk.event import TurnRef
from sqlalchemy import and_, bindparam, delete, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.kit.identifier import new_id
from csai.kit.problem import Problem
from csai.models import Client, ClientTool, Conversation, Tool, ToolExecution
from csai.statement import Prepared, Step, prepared_insert
from csai.tools.confirmation import Decision
from csai.tools.execution import Execution

MAX_ASKED = 20

_ADD = prepared_insert(ToolExecution)
_COMPLETE = Prepared(
    update(ToolExecution)
    .where(ToolExecution.client_id == bindparam("client"), ToolExecution.call_id == bindparam("call"))
    .values(
        status=bindparam("new_status"),
        success=bindparam("new_success"),
        n8n_response=bindparam("response"),
        execution_time_ms=bindparam("duration"),
    )
)

_LOSE_SIGHT = Prepared(
    update(ToolExecution)
    .where(
        ToolExecution.client_id == bindparam("client"),
        ToolExecution.turn_id == bindparam("turn"),
        ToolExecution.status == "intended",
    )
    .values(status="unknown")
)


_DECIDE = Prepared(
    update(ToolExecution)
    .where(
        ToolExecution.client_id == bindparam("client"),
        ToolExecution.call_id == bindparam("call"),
        ToolExecution.status == "waiting",
        ToolExecution.expires_at > bindparam("now"),
        ToolExecution.conversation_id
        == select(Conversation.id)
        .where(
            Conversation.client_id == bindparam("client"),
            Conversation.session_id == bindparam("session"),
            Conversation.state == "ai",
        )
        .scalar_subquery(),
    )
    .values(status=bindparam("new_status"), turn_id=bindparam("new_turn"))
    .returning(ToolExecution.call_id, ToolExecution.tool_name, ToolExecution.parameters)
)
_REPLACE = Prepared(
    update(ToolExecution)
    .where(
        ToolExecution.client_id == bindparam("client"),
        ToolExecution.conversation_id == bindparam("conversation"),
        ToolExecution.tool_name == bindparam("tool"),
        ToolExecution.status == "waiting",
    )
    .values(status="replaced")
)
_ASKED = (
    select(
        ToolExecution.call_id,
        ToolExecution.tool_name,
        ToolExecution.parameters,
        ToolExecution.status,
        ToolExecution.expires_at,
    )
    .join(
        Conversation,
        and_(
            Conversation.client_id == ToolExecution.client_id,
            Conversation.id == ToolExecution.conversation_id,
        ),
    )
    .where(ToolExecution.client_id == bindparam("client"), Conversation.session_id == bindparam("session"))
)
_ASKED_ONE = Prepared(_ASKED.where(ToolExecution.call_id == bindparam("call")))
_STILL_ASKED = Prepared(
    _ASKED.where(
        Conversation.state == "ai",
        Conversation.ended_at.is_(None),
        ToolExecution.status == "waiting",
        ToolExecution.expires_at > bindparam("now"),
    )
    .order_by(ToolExecution.timestamp, ToolExecution.call_id)
    .limit(MAX_ASKED)
)
_INTENDED = Prepared(
    select(ToolExecution.call_id, ToolExecution.tool_name, ToolExecution.parameters)
    .where(
        ToolExecution.client_id == bindparam("client"),
        ToolExecution.turn_id == bindparam("turn"),
        ToolExecution.status == "intended",
    )
    .order_by(ToolExecution.timestamp, ToolExecution.call_id)
)

_STORED = Prepared(
    select(ToolExecution.call_id).where(
        ToolExecution.client_id == bindparam("client"), ToolExecution.turn_id == bindparam("turn")
    )
)


@dataclass(frozen=True, slots=True)
class IntendedRow:
    """A call with a side effect of which only the intent is stored."""

    call_id: str
    tool_name: str
    parameters: Mapping[str, Any]


class ToolExecutionRepository:
    """One client's log of tool calls, as steps for `Database.transact`."""

    def __init__(self, client_id: str) -> None:
        self._client_id = client_id

    def intend_all(self, turn: TurnRef, executions: Iterable[Execution]) -> list[Step]:
        """Write down what is about to happen."""
        return [Step(_ADD, self._row(turn, execution, "intended")) for execution in executions]

    def ask_all(self, turn: TurnRef, executions: Iterable[Execution]) -> list[Step]:
        """Let calls wait for the visitor's word, in place of earlier ones of the same tools."""
        waiting = list(executions)
        replaced = [
            Step(
                _REPLACE,
                {"client": self._client_id, "conversation": turn.conversation_id, "tool": name},
            )
            for name in sorted({execution.call.name for execution in waiting})
        ]
        return [*replaced, *(Step(_ADD, self._row(turn, execution, "waiting")) for execution in waiting)]

    def decide(self, session_id: str, decision: Decision, *, turn_id: str, now: datetime) -> Step:
        """Take a waiting call for the turn that carries the visitor's word out: its id, name and arguments.

        No row when it does not wait any more, or a teammate answers now. What is approved is intended from
        here on: whatever happens then, it is never run a second time.
        """
        return Step(
            _DECIDE,
            {
                "client": self._client_id,
                "session": session_id,
                "call": decision.confirmation_id,
                "new_status": "intended" if decision.is_approval else "declined",
                "new_turn": turn_id,
                "now": now,
            },
        )

    def asked(self, session_id: str, call_id: str) -> Step:
        """A `WaitingCall`, whatever became of it."""
        return Step(_ASKED_ONE, {"client": self._client_id, "session": session_id, "call": call_id})

    def still_asked(self, session_id: str, *, now: datetime) -> Step:
        """`WaitingCall`s that the visitor can still decide, oldest first."""
        return Step(_STILL_ASKED, {"client": self._client_id, "session": session_id, "now": now})

    def stored(self, turn_id: str) -> Step:
        """The ids of the turn's calls that have rows."""
        return Step(_STORED, {"client": self._client_id, "turn": turn_id})

    def settle_all(self, turn: TurnRef, executions: Iterable[Execution]) -> list[Step]:
        """Write down what happened, completing the rows of what was intended; what waits has its row."""
        return [
            self._complete(execution)
            if execution.has_intent
            else Step(_ADD, self._row(turn, execution, None))
            for execution in executions
            if execution.status != "waiting"
        ]

    def intended(self, turn_id: str) -> Step:
        """`IntendedRow`s: calls of the turn that may have happened."""
        return Step(_INTENDED, {"client": self._client_id, "turn": turn_id})

    def lose_sight(self, turn_id: str) -> Step:
        """The turn's process died: whether what it intended happened is not known."""
        return Step(_LOSE_SIGHT, {"client": self._client_id, "turn": turn_id})

    def _complete(self, execution: Execution) -> Step:
        return Step(
            _COMPLETE,
            {
                "client": self._client_id,
                "call": execution.call_id,
                "new_status": execution.status,
                "new_success": _success(execution.status),
                "response": execution.response,
                "duration": execution.duration_ms,
            },
        )

    def _row(self, turn: TurnRef, execution: Execution, status: str | None) -> dict[str, Any]:
        arguments = execution.call.arguments
        return {
            "id": new_id(),
            "client_id": self._client_id,
            "conversation_id": turn.conversation_id,
            "turn_id": turn.turn_id,
            "call_id": execution.call_id,
            "tool_name": execution.call.name,
            "parameters": dict(arguments) if arguments is not None else {},
            "n8n_response": None if status else execution.response,
            "status": status or execution.status,
            "success": None if status else _success(execution.status),
            "execution_time_ms": None if status else execution.duration_ms,
            "timestamp": execution.at,
            "expires_at": execution.expires_at if status == "waiting" else None,
        }


def _success(status: str) -> bool | None:
    return None if status == "unknown" else status == "succeeded"


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
