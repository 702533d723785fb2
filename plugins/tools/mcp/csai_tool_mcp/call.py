"""One call of a server's tool, repeated only where that cannot do its work twice."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from csai_sdk import PluginContext, ToolError, ToolInvocation, ToolOutput
from mcp import MCPError
from mcp.client.session import ClientSession
from mcp_types import (
    HEADER_MISMATCH,
    CallToolRequest,
    CallToolRequestParams,
    CallToolResult,
    InputRequiredResult,
)
from pydantic import TypeAdapter

from csai_tool_mcp.connection import Connection
from csai_tool_mcp.content import value_of
from csai_tool_mcp.failure import NOT_SET_UP, RequestFailed
from csai_tool_mcp.settings import McpSettings

UNREACHABLE = "The tool's server cannot be reached at the moment."
NO_ANSWER = "The tool's server gave no answer that says whether it was done."
NEEDS_PERSON = "The tool asks for something that only a person at its own screen can give."
_MAX_SAID_CHARS = 2_000

_Result = TypeAdapter[CallToolResult | InputRequiredResult]
_RESULT: _Result = TypeAdapter(CallToolResult | InputRequiredResult)


class ServerCall:
    """A call on its way to a server."""

    def __init__(self, call: ToolInvocation, tool: str, connection: Connection, ctx: PluginContext) -> None:
        self._call = call
        self._tool = tool
        self._connection = connection
        self._ctx = ctx
        self._settings = ctx.settings_as(McpSettings)
        self._is_out = False
        """Whether the server may be acting on it."""

    async def run(self) -> ToolOutput:
        """Raises `ToolError`."""
        try:
            async with asyncio.timeout(min(self._call.timeout_s, self._settings.timeout_s)):
                result = await self._attempts()
        except TimeoutError:
            raise ToolError(
                NO_ANSWER if self._is_out else UNREACHABLE, is_outcome_known=not self._is_out
            ) from None
        except RequestFailed as failure:
            return self._failed(failure)
        if isinstance(result, InputRequiredResult):
            raise ToolError(NEEDS_PERSON)
        return ToolOutput(value_of(result, self._hidden()), is_error=result.is_error)

    async def _attempts(self) -> CallToolResult | InputRequiredResult:
        try:
            return await self._connection.request(self._send)
        except RequestFailed as failure:
            if not failure.may_repeat(is_idempotent=self._call.is_idempotent):
                raise
            first = failure
        self._is_out = first.kind == "lost"
        try:
            return await self._connection.request(self._send)
        except RequestFailed:
            if first.kind != "lost":
                raise
        # What is not known of the first attempt, the second does not tell.
        raise first

    async def _send(self, session: ClientSession) -> CallToolResult | InputRequiredResult:
        # Not `session.call_tool`: that checks the answer against a schema of the server's choice, with
        # patterns that may run for ever, and asks for the list of tools once more.
        request = CallToolRequest(
            params=CallToolRequestParams(
                name=self._tool, arguments=dict(self._call.arguments), _meta=self._meta()
            )
        )
        self._is_out = True
        try:
            return await session.send_request(request, _RESULT)
        except MCPError as error:
            if error.code != HEADER_MISMATCH:
                raise
        # It was refused: some arguments have to stand in headers, which the list of tools names.
        await session.list_tools()
        return await session.send_request(request, _RESULT)

    def _meta(self) -> Any:
        meta = {"csai/call_id": self._call.call_id, "csai/conversation_id": self._call.conversation_id}
        if self._call.visitor_id is not None:
            meta["csai/visitor_id"] = self._call.visitor_id
        return meta

    def _failed(self, failure: RequestFailed) -> ToolOutput:
        self._ctx.log.warning(
            "MCP tool call failed",
            extra={
                "tool": self._call.tool.name,
                "server": self._connection.server.name,
                "cause": str(failure),
                "is_outcome_known": failure.kind != "lost",
            },
        )
        if failure.kind == "lost":
            raise ToolError(NO_ANSWER, is_outcome_known=False)
        if failure.kind == "refused" and failure.said:
            said = failure.said
            for each in self._hidden():
                said = said.replace(each, "[hidden]")
            return ToolOutput({"error": said[:_MAX_SAID_CHARS]}, is_error=True)
        raise ToolError(NOT_SET_UP if failure.is_setup else UNREACHABLE)

    def _hidden(self) -> list[str]:
        """The secret, as it is and as JSON writes it."""
        secret = self._settings.secret(self._connection.server)
        return [json.dumps(secret)[1:-1], secret] if secret else []
