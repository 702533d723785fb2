"""Reading a JSON API."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from csai_sdk import (
    Connection,
    ConnectionCheck,
    Endpoint,
    EndpointImport,
    HttpError,
    HttpResponse,
    Integration,
    IntegrationError,
    PluginContext,
    retry_after_s,
)

from csai_integration_rest.openapi import read_openapi
from csai_integration_rest.request import Prepared, check_endpoint, parsed, prepare
from csai_integration_rest.settings import RestSettings
from csai_integration_rest.sign_in import consent_url, sign_in, tokens_of_code

MAX_BODY_BYTES = 1_000_000
MAX_ATTEMPTS = 3
_FIRST_DELAY_S = 0.25
_SHORTEST_ATTEMPT_S = 0.1
_RETRYABLE = frozenset({408, 425, 429, 500, 502, 503, 504})

NO_ANSWER = "The system gave no answer. It may do so later."
BUSY = "The system is busy. It may answer later."
NOTHING = "There is nothing of that kind in the system."
NO_JSON = "The system's answer could not be understood."

Sleep = Callable[[float], Awaitable[object]]


class RestIntegration(Integration):
    """Any API that answers with JSON."""

    id = "rest"
    connection_settings = RestSettings

    def __init__(self, sleep: Sleep = asyncio.sleep) -> None:
        self._sleep = sleep

    def check_endpoint(self, endpoint: Endpoint) -> None:
        check_endpoint(endpoint)

    def read_document(self, document: str) -> EndpointImport:
        return read_openapi(document)

    def consent_url(
        self, connection: Connection, *, redirect_url: str, state: str, code_challenge: str
    ) -> str:
        settings = connection.settings_as(RestSettings)
        return consent_url(settings, redirect_url=redirect_url, state=state, code_challenge=code_challenge)

    async def consent(
        self,
        connection: Connection,
        *,
        code: str,
        redirect_url: str,
        code_verifier: str,
        ctx: PluginContext,
    ) -> Mapping[str, Any]:
        settings = connection.settings_as(RestSettings)
        return await tokens_of_code(
            settings, ctx, code=code, redirect_url=redirect_url, code_verifier=code_verifier
        )

    async def check(self, connection: Connection, ctx: PluginContext) -> ConnectionCheck:
        settings = connection.settings_as(RestSettings)
        if not settings.base_url:
            return ConnectionCheck(False, "Give the API's address.")
        path, _, query = settings.check_path.partition("?")
        try:
            answer = await self._send(Prepared("GET", path, query, {}, None), connection, ctx)
            if answer.status >= 300 and settings.check_path:
                raise _failure(answer)
        except IntegrationError as error:
            return ConnectionCheck(False, str(error))
        if answer.status in (401, 403):
            return ConnectionCheck(False, str(_failure(answer)))
        said = "" if settings.check_path else " Give a path to test to know whether it takes the sign-in."
        return ConnectionCheck(True, f"The system answers.{said}")

    async def fetch(
        self,
        connection: Connection,
        endpoint: Endpoint,
        arguments: Mapping[str, Any],
        *,
        visitor_id: str | None,
        ctx: PluginContext,
    ) -> Any:
        answer = await self._send(prepare(endpoint, arguments, visitor_id), connection, ctx)
        if not 200 <= answer.status < 300:
            raise _failure(answer)
        return parsed(endpoint.request).mapped.of(_json(answer))

    async def _send(self, request: Prepared, connection: Connection, ctx: PluginContext) -> HttpResponse:
        """The last answer, repeated while there is time; once with new tokens where those were refused."""
        loop = asyncio.get_running_loop()
        end = loop.time() + connection.settings_as(RestSettings).timeout_s
        refused = None
        for attempt in range(1, MAX_ATTEMPTS + 1):
            signed = await sign_in(connection, ctx, refused=refused)
            delay_s = _delay_s(attempt)
            try:
                answer = await self._request(
                    request, connection, ctx, signed.headers, signed.query, max(end - loop.time(), 0.1)
                )
            except HttpError as error:
                if attempt == MAX_ATTEMPTS or end - loop.time() < delay_s + _SHORTEST_ATTEMPT_S:
                    ctx.log.warning("an API gave no answer", extra={"cause": str(error)})
                    raise IntegrationError(NO_ANSWER, retryable=True) from None
            else:
                is_last = attempt == MAX_ATTEMPTS
                if answer.status == 401 and signed.tokens is not None and refused is None and not is_last:
                    refused = signed.tokens
                    continue
                if answer.status not in _RETRYABLE or is_last:
                    return answer
                delay_s = max(delay_s, retry_after_s(answer.headers, ctx.clock.now()) or 0.0)
                if end - loop.time() < delay_s + _SHORTEST_ATTEMPT_S:
                    return answer
            await self._sleep(delay_s)
        raise AssertionError("the last attempt returns or raises")

    async def _request(
        self,
        request: Prepared,
        connection: Connection,
        ctx: PluginContext,
        headers: Mapping[str, str],
        query: str,
        timeout_s: float,
    ) -> HttpResponse:
        asked = "&".join(each for each in (request.query, query) if each)
        url = connection.settings_as(RestSettings).base_url + request.path + (f"?{asked}" if asked else "")
        return await ctx.http.request(
            request.method,
            url,
            headers={"accept": "application/json", **request.headers, **headers},
            content=request.content,
            timeout_s=timeout_s,
            max_bytes=MAX_BODY_BYTES,
        )


def _failure(answer: HttpResponse) -> IntegrationError:
    """In words that say nothing of the address, the key or what was answered."""
    status = answer.status
    if status in (404, 410):
        return IntegrationError(NOTHING)
    if status in (401, 403):
        return IntegrationError("The system refuses csai: the connection's sign-in has to be checked.")
    if 300 <= status < 400:
        return IntegrationError("The system points elsewhere, which is not followed: check its address.")
    if status in (408, 425, 429) or status >= 500:
        return IntegrationError(BUSY, retryable=True)
    return IntegrationError(f"The system refused the request (status {status}).")


def _json(answer: HttpResponse) -> Any:
    if answer.is_truncated:
        raise IntegrationError("The system's answer is too large. Ask for less.")
    try:
        return json.loads(answer.body or b"null", parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise IntegrationError(NO_JSON) from None


def _no_number(name: str) -> Any:
    raise ValueError(name)


def _delay_s(attempt: int) -> float:
    most = _FIRST_DELAY_S * 2 ** (attempt - 1)
    return random.uniform(most / 2, most)  # noqa: S311 - spreads callers, guards nothing
