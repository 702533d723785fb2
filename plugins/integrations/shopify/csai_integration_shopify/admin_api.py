"""The shop's Admin API: one GraphQL query at a time, within its budget and a deadline.

Source: https://shopify.dev/docs/api/admin-graphql
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from csai_sdk import Connection, HttpError, HttpResponse, IntegrationError, PluginContext, retry_after_s

from csai_integration_shopify.settings import ShopifyConnection
from csai_integration_shopify.throttle import BACKOFF_S, Throttle
from csai_integration_shopify.token import NO_ANSWER, NOT_SET_UP, Tokens

MAX_BODY_BYTES = 1_000_000
MAX_ATTEMPTS = 5
_SHORTEST_ATTEMPT_S = 0.1

BUSY = "The shop is busy. It may work in a minute."
NOT_ALLOWED = "The shop does not allow this to be read. Tell the visitor that it cannot be looked up here."
TOO_MUCH = "The shop does not give that much at once. Ask for less."
UNREADABLE = "The shop's answer could not be understood."

Sleep = Callable[[float], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Query:
    """A GraphQL document; `name` is its operation's, `root` the field that must be there."""

    name: str
    root: str
    document: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What stands under the root, maybe null; where it `is_partial` the shop left something out."""

    root: Any
    is_partial: bool


class AdminApi:
    """One connection's calls within one fetch; all of them share its deadline."""

    def __init__(self, connection: Connection, ctx: PluginContext, sleep: Sleep = asyncio.sleep) -> None:
        self._settings = connection.settings_as(ShopifyConnection)
        self._ctx = ctx
        self._sleep = sleep
        self._end = ctx.clock.now() + timedelta(seconds=self._settings.timeout_s)
        self._throttle = ctx.resource(f"throttle:{self._settings.address}", Throttle)
        self._tokens = ctx.resource(f"tokens:{connection.id}", Tokens)

    async def ask(self, query: Query, /, **variables: Any) -> Answer:
        """Raises `IntegrationError`."""
        if self._settings.missing:
            raise IntegrationError(NOT_SET_UP)
        body = json.dumps(
            {"query": query.document, "variables": variables, "operationName": query.name}
        ).encode()
        has_new_token = False
        for _ in range(MAX_ATTEMPTS):
            token = await self._token()
            response = await self._send(query, body, token)
            if response.status == 401 and self._settings.access_token is None and not has_new_token:
                self._tokens.drop(token)
                has_new_token = True
            elif response.status == 429:
                await self._wait_as_told(response)
            elif (answer := self._read(query, response)) is not None:
                return answer
        raise IntegrationError(BUSY, retryable=True)

    async def _send(self, query: Query, body: bytes, token: str) -> HttpResponse:
        """Once the bucket holds enough."""
        wait_s = self._throttle.wait_s(query.name, self._now)
        self._check_time(wait_s)
        taken = self._throttle.take(query.name)
        said: Mapping[str, Any] | None = None
        try:
            if wait_s:
                await self._sleep(wait_s)
            response = await self._ctx.http.request(
                "POST",
                f"{self._settings.address}/admin/api/{self._settings.api_version}/graphql.json",
                headers={
                    "content-type": "application/json",
                    "accept": "application/json",
                    "x-shopify-access-token": token,
                },
                content=body,
                timeout_s=self._left_s,
                max_bytes=MAX_BODY_BYTES,
            )
            said = _cost(response)
        except HttpError as error:
            self._ctx.log.warning("shopify gave no answer", extra={"was_sent": error.was_sent})
            raise IntegrationError(NO_ANSWER, retryable=True) from error
        finally:
            self._throttle.settle(query.name, taken, said, self._now)
        return response

    def _read(self, query: Query, response: HttpResponse) -> Answer | None:
        """What the answer says; None where the query was throttled and is to be repeated."""
        if response.status != 200:
            raise self._refused(response.status)
        said = _json(response)
        errors = said.get("errors") or []
        data = said.get("data")
        if not isinstance(errors, list):
            errors = [{}]
        codes = [_code(each) for each in errors]
        if "THROTTLED" in codes:
            if _cost(response) is None:
                self._throttle.empty(self._now)
            return None
        if errors:
            self._ctx.log.warning("shopify reports errors", extra={"query": query.name, "codes": codes})
        root = data.get(query.root) if isinstance(data, Mapping) else None
        if root is None and errors:
            raise _failure(codes)
        if not isinstance(data, Mapping):
            raise IntegrationError(UNREADABLE, retryable=True)
        return Answer(root, is_partial=bool(errors))

    def _refused(self, status: int) -> IntegrationError:
        if status >= 500 or status in (408, 430):
            return IntegrationError(NO_ANSWER, retryable=True)
        self._ctx.log.warning("shopify refuses csai: check the connection", extra={"status": status})
        return IntegrationError(NOT_SET_UP)

    async def _wait_as_told(self, response: HttpResponse) -> None:
        """For as long as the shop says; where it does not, it is not asked again."""
        wait_s = retry_after_s(response.headers, now=self._now)
        if wait_s is None:
            raise IntegrationError(BUSY, retryable=True)
        self._check_time(wait_s)
        await self._sleep(wait_s or BACKOFF_S)

    async def _token(self) -> str:
        if self._settings.access_token is not None:
            return self._settings.access_token.get_secret_value()
        return await self._tokens.get(self._settings, self._ctx, timeout_s=self._left_s)

    def _check_time(self, wait_s: float) -> None:
        """Raises where the wait would not leave time for an answer."""
        if self._now + timedelta(seconds=wait_s + _SHORTEST_ATTEMPT_S) > self._end:
            raise IntegrationError(BUSY, retryable=True)

    @property
    def _now(self) -> datetime:
        return self._ctx.clock.now()

    @property
    def _left_s(self) -> float:
        return max((self._end - self._now).total_seconds(), _SHORTEST_ATTEMPT_S)


def _failure(codes: list[str]) -> IntegrationError:
    if "ACCESS_DENIED" in codes:
        return IntegrationError(NOT_ALLOWED)
    if "MAX_COST_EXCEEDED" in codes:
        return IntegrationError(TOO_MUCH)
    if "INTERNAL_SERVER_ERROR" in codes or "TIMEOUT" in codes:
        return IntegrationError(NO_ANSWER, retryable=True)
    return IntegrationError(NOT_SET_UP)


def _json(response: HttpResponse) -> Mapping[str, Any]:
    if response.is_truncated:
        raise IntegrationError(TOO_MUCH)
    try:
        said = json.loads(response.body)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise IntegrationError(UNREADABLE, retryable=True)
    return said


def _cost(response: HttpResponse) -> Mapping[str, Any] | None:
    """`extensions.cost` of an answer that has one."""
    try:
        cost = json.loads(response.body)["extensions"]["cost"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return cost if isinstance(cost, dict) else None


def _code(error: Any) -> str:
    extensions = error.get("extensions") if isinstance(error, Mapping) else None
    return str(extensions.get("code", ""))[:64] if isinstance(extensions, Mapping) else ""
