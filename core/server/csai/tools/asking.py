"""The write actions that wait for a word in a conversation that is read back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from csai.database import Database
from csai.plugins.view import ClientView
from csai.tools.confirmation import WaitingCall, confirmation
from csai.tools.execution_repository import ToolExecutionRepository


async def still_asked(
    database: Database, view: ClientView, session_id: str, *, now: datetime
) -> list[dict[str, Any]]:
    asked = ToolExecutionRepository(view.client.id).still_asked(session_id, now=now)
    (rows,) = await database.fetch(asked)
    return [_confirmation(view, WaitingCall(*row)) for row in rows]


def _confirmation(view: ClientView, call: WaitingCall) -> dict[str, Any]:
    tool = view.tools.get(call.tool_name)
    schema = tool.spec.parameters_schema if tool else {}
    return confirmation(call.call_id, call.tool_name, call.parameters, schema, call.expires_at)
