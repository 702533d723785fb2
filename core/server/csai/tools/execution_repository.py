"""One client's log of tool calls: what was intended, asked and done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from csai_sdk.event import TurnRef
from sqlalchemy import and_, bindparam, case, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.kit.identifier import new_id
from csai.models import Conversation, ToolExecution
from csai.statement import Prepared, Step, prepared_insert
from csai.tools.confirmation import Decision
from csai.tools.execution import Execution

MAX_ASKED = 20

_CONVERSATION = and_(
    Conversation.client_id == ToolExecution.client_id,
    Conversation.id == ToolExecution.conversation_id,
)

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
    .join(Conversation, _CONVERSATION)
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

_PAGE = (
    select(
        ToolExecution.id,
        ToolExecution.call_id,
        ToolExecution.tool_name,
        Conversation.session_id,
        ToolExecution.turn_id,
        ToolExecution.status,
        ToolExecution.parameters,
        ToolExecution.n8n_response,
        ToolExecution.execution_time_ms,
        ToolExecution.timestamp,
    )
    .join(Conversation, _CONVERSATION)
    .where(ToolExecution.client_id == bindparam("client"))
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
class LoggedCall:
    """A row of the log, for people. Arguments and answer are empty where retention has taken them."""

    id: str
    call_id: str
    tool_name: str
    session_id: str
    turn_id: str
    status: str
    arguments: Mapping[str, Any]
    response: str | None
    duration_ms: int | None
    timestamp: datetime


@dataclass(frozen=True, slots=True)
class ToolStatistics:
    """How a tool did over some days. `mean_ms` and `longest_ms` are of calls that ran."""

    tool_name: str
    calls: int
    succeeded: int
    failed: int
    unknown: int
    refused: int
    mean_ms: int | None
    longest_ms: int | None


class ToolLog:
    """One client's log of tool calls, read back."""

    def __init__(self, connection: AsyncConnection, client_id: str) -> None:
        self._connection = connection
        self._client_id = client_id

    async def page(
        self, *, tool_name: str | None, status: str | None, before: str | None, count: int
    ) -> list[LoggedCall]:
        """The newest calls first; `before` is the id of the last one of the page before."""
        statement = _PAGE.order_by(ToolExecution.id.desc()).limit(count)
        if tool_name is not None:
            statement = statement.where(ToolExecution.tool_name == tool_name)
        if status is not None:
            statement = statement.where(ToolExecution.status == status)
        if before is not None:
            statement = statement.where(ToolExecution.id < before)
        rows = await self._connection.execute(statement, {"client": self._client_id})
        return [LoggedCall(*row) for row in rows]

    async def statistics(self, *, since: datetime) -> list[ToolStatistics]:
        """By tool, for those called since then."""
        counts = [
            func.sum(case((ToolExecution.status == status, 1), else_=0))
            for status in ("succeeded", "failed", "unknown", "refused")
        ]
        statement = (
            select(
                ToolExecution.tool_name,
                func.count(),
                *counts,
                func.avg(ToolExecution.execution_time_ms),
                func.max(ToolExecution.execution_time_ms),
            )
            .where(ToolExecution.client_id == self._client_id, ToolExecution.timestamp >= since)
            .group_by(ToolExecution.tool_name)
            .order_by(ToolExecution.tool_name)
        )
        found = await self._connection.execute(statement)
        return [
            ToolStatistics(
                name,
                calls,
                succeeded,
                failed,
                unknown,
                refused,
                None if mean is None else round(mean),
                longest,
            )
            for name, calls, succeeded, failed, unknown, refused, mean, longest in found
        ]
