"""The catalog's rows, and the log of what ran."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from csai_sdk import Tool as PythonTool
from csai_sdk.event import TurnRef
from sqlalchemy import and_, bindparam, delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.kit.identifier import new_id
from csai.kit.problem import not_found
from csai.models import ClientTool, Tool, ToolExecution
from csai.statement import Prepared, Step, prepared_insert

if TYPE_CHECKING:
    from csai.tools.runner import Execution

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


class ToolExecutionRepository:
    """One client's log of tool calls, as steps for `Database.transact`."""

    def __init__(self, client_id: str) -> None:
        self._client_id = client_id

    def intend_all(self, turn: TurnRef, executions: Iterable[Execution]) -> list[Step]:
        """Write down what is about to happen."""
        return [Step(_ADD, self._row(turn, execution, "intended")) for execution in executions]

    def settle_all(self, turn: TurnRef, executions: Iterable[Execution]) -> list[Step]:
        """Write down what happened, completing the rows of what was intended."""
        return [
            self._complete(execution)
            if execution.has_intent
            else Step(_ADD, self._row(turn, execution, None))
            for execution in executions
        ]

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
        }


def _success(status: str) -> bool | None:
    return None if status == "unknown" else status == "succeeded"


class ToolRepository:
    """The catalog as one client sees it: shared tools and its own."""

    def __init__(self, connection: AsyncConnection, client_id: str) -> None:
        self._connection = connection
        self._client_id = client_id

    async def enable(
        self, tool_name: str, *, webhook_url: str | None = None, config: Mapping[str, Any] | None = None
    ) -> None:
        """Give the client a tool of the catalog; replaces how it had it. The caller bumps the client."""
        tool_id = await self._find(tool_name)
        await self._connection.execute(
            delete(ClientTool).where(ClientTool.client_id == self._client_id, ClientTool.tool_id == tool_id)
        )
        await self._connection.execute(
            insert(ClientTool).values(
                client_id=self._client_id,
                tool_id=tool_id,
                enabled=True,
                n8n_webhook_url=webhook_url,
                custom_config=dict(config or {}),
            )
        )

    async def disable(self, tool_name: str) -> None:
        tool_id = await self._find(tool_name)
        await self._connection.execute(
            update(ClientTool)
            .where(ClientTool.client_id == self._client_id, ClientTool.tool_id == tool_id)
            .values(enabled=False)
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
            raise not_found("tool")
        return tool_id


class Catalog:
    """The shared catalog, which no client owns."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def sync_plugin_tools(self, tools: Sequence[tuple[str, PythonTool]], *, now: datetime) -> None:
        """Bring the rows of tools that plugins register as functions up to date; add what is new."""
        shared = and_(Tool.client_id.is_(None), Tool.backend == "python")
        rows = await self._connection.execute(select(Tool.tool_name, Tool.id).where(shared))
        known = {row[0]: row[1] for row in rows}
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
            if tool.spec.name in known:
                await self._connection.execute(
                    update(Tool).where(Tool.id == known[tool.spec.name]).values(**values)
                )
            else:
                await self.add(tool.spec.name, backend="python", now=now, **values)

    async def add(self, tool_name: str, *, backend: str, now: datetime, **values: Any) -> None:
        """Add a shared tool. The caller has checked its schema with `check_tool_schema`."""
        await self._connection.execute(
            insert(Tool).values(tool_name=tool_name, backend=backend, created_at=now, **values)
        )
