"""Runs a tool by calling the client's n8n webhook."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from csai_sdk import (
    HttpError,
    HttpResponse,
    PluginContext,
    ToolBackend,
    ToolError,
    ToolInvocation,
    ToolOutput,
)

from csai_tool_n8n.answer import read_answer
from csai_tool_n8n.settings import N8nSettings
from csai_tool_n8n.signature import signature_headers

MAX_BODY_BYTES = 1_000_000
MAX_ATTEMPTS = 3
_FIRST_DELAY_S = 0.25
_MOST_DELAY_S = 4.0
_SHORTEST_ATTEMPT_S = 0.1
_MAX_ERROR_CHARS = 2_000
_SHORTEST_HIDDEN_CHARS = 12
_RETRYABLE = frozenset({408, 425, 429, 500, 502, 503, 504})

NOT_SET_UP = "This tool is not set up at the moment. Tell the visitor that it cannot be used now."
UNREACHABLE = "The tool's server cannot be reached at the moment."
NO_ANSWER = "The tool's server did not answer in time."

Sleep = Callable[[float], Awaitable[object]]


class N8nBackend(ToolBackend):
    """One POST a call, repeated only where that cannot run the workflow's effects twice."""

    id = "n8n"

    def __init__(self, sleep: Sleep = asyncio.sleep) -> None:
        self._sleep = sleep

    async def run(self, call: ToolInvocation, ctx: PluginContext) -> ToolOutput:
        url = call.config.get("webhook_url")
        if not isinstance(url, str) or not url:
            ctx.log.warning("tool has no webhook address", extra={"tool": call.tool.name})
            raise ToolError(NOT_SET_UP)
        body = _body(call, ctx)
        secret = _secret(call, ctx)
        response = await self._send(call, ctx, url=url, body=body, secret=secret)
        return _Reading(call, ctx, hidden=(url, urlsplit(url).path, secret)).output(response)

    async def _send(
        self, call: ToolInvocation, ctx: PluginContext, *, url: str, body: bytes, secret: str | None
    ) -> HttpResponse:
        loop = asyncio.get_running_loop()
        end = loop.time() + min(call.timeout_s, ctx.settings_as(N8nSettings).timeout_s)
        for attempt in range(1, MAX_ATTEMPTS + 1):
            delay_s = _delay_s(attempt)
            may_repeat = attempt < MAX_ATTEMPTS and end - loop.time() - delay_s > _SHORTEST_ATTEMPT_S
            try:
                response = await ctx.http.request(
                    "POST",
                    url,
                    headers=_headers(call, ctx, body=body, secret=secret),
                    content=body,
                    timeout_s=max(end - loop.time(), _SHORTEST_ATTEMPT_S),
                    max_bytes=MAX_BODY_BYTES,
                )
            except HttpError as error:
                if not may_repeat or (error.was_sent and not call.is_idempotent):
                    raise _no_answer(call, ctx, error) from error
            else:
                if not may_repeat or not call.is_idempotent or response.status not in _RETRYABLE:
                    return response
            await self._sleep(delay_s)
        raise AssertionError("the last attempt always returns or raises")


def _delay_s(attempt: int) -> float:
    most = min(_FIRST_DELAY_S * 2 ** (attempt - 1), _MOST_DELAY_S)
    return random.uniform(most / 2, most)  # noqa: S311 - spreads callers, guards nothing


def _body(call: ToolInvocation, ctx: PluginContext) -> bytes:
    content = {
        "tool": call.tool.name,
        "arguments": dict(call.arguments),
        "call_id": call.call_id,
        "conversation_id": call.conversation_id,
        "client_id": ctx.client_id,
    }
    if call.visitor_id is not None:
        content["visitor_id"] = call.visitor_id
    try:
        return json.dumps(content, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise ToolError("The arguments hold something that JSON has no form for.") from error


def _secret(call: ToolInvocation, ctx: PluginContext) -> str | None:
    """The tool's own secret where it has one, or the client's."""
    own = call.config.get("signing_secret")
    if own is not None:
        return str(own)
    secret = ctx.settings_as(N8nSettings).signing_secret
    return secret.get_secret_value() if secret else None


def _headers(
    call: ToolInvocation, ctx: PluginContext, *, body: bytes, secret: str | None
) -> Mapping[str, str]:
    headers = {
        "content-type": "application/json",
        "accept": "application/json",
        "x-csai-call-id": call.call_id,
        "idempotency-key": call.call_id,
    }
    if secret is None:
        return headers
    try:
        return headers | signature_headers(secret, message_id=call.call_id, at=ctx.clock.now(), body=body)
    except ValueError as error:
        ctx.log.warning("tool has an unusable signing secret", extra={"tool": call.tool.name})
        raise ToolError(NOT_SET_UP) from error


def _no_answer(call: ToolInvocation, ctx: PluginContext, error: HttpError) -> ToolError:
    ctx.log.warning(
        "n8n webhook gave no answer",
        extra={"tool": call.tool.name, "cause": str(error), "was_sent": error.was_sent},
    )
    return ToolError(NO_ANSWER if error.was_sent else UNREACHABLE, is_outcome_known=not error.was_sent)


class _Reading:
    """Turns a webhook's response into what the model is told."""

    def __init__(self, call: ToolInvocation, ctx: PluginContext, *, hidden: tuple[str | None, ...]) -> None:
        self._tool = call.tool.name
        self._log = ctx.log
        # A short path is a word that answers may well hold.
        self._hidden = [each for each in hidden if each and len(each) >= _SHORTEST_HIDDEN_CHARS]

    def output(self, response: HttpResponse) -> ToolOutput:
        status = response.status
        if 200 <= status < 300:
            return ToolOutput(self._shown(read_answer(response)))
        if status >= 500:
            self._warn("n8n workflow failed", status)
            raise ToolError(f"The tool's server failed (status {status}).", is_outcome_known=False)
        if status < 400:
            self._warn("n8n webhook redirects, which is not followed", status)
            raise ToolError(NOT_SET_UP)
        if status in (401, 403):
            self._warn("n8n webhook refuses csai: check its authentication", status)
            raise ToolError(NOT_SET_UP)
        if status == 404 and b"not registered" in response.body:
            self._warn("n8n webhook is not registered: publish the workflow, use its production URL", status)
            raise ToolError(NOT_SET_UP)
        if status == 429:
            self._warn("n8n webhook is called too often", status)
            raise ToolError("The tool is busy. It may work in a minute.")
        return ToolOutput({"error": self._refusal(response), "status": status}, is_error=True)

    def _shown(self, answer: Any) -> Any:
        """Without the address, which a workflow repeats that answers with what its webhook received."""
        text = json.dumps(answer, ensure_ascii=False)
        shown = self._without(text)
        return answer if shown == text else json.loads(shown)

    def _without(self, text: str) -> str:
        for each in self._hidden:
            text = text.replace(each, "[hidden]")
        return text

    def _refusal(self, response: HttpResponse) -> Any:
        """What the workflow said against the call, without the address and the secret it may repeat."""
        answer = read_answer(response)
        text = self._without(json.dumps(answer, ensure_ascii=False))
        return json.loads(text) if len(text) <= _MAX_ERROR_CHARS else text[:_MAX_ERROR_CHARS]

    def _warn(self, message: str, status: int) -> None:
        self._log.warning(message, extra={"tool": self._tool, "status": status})
