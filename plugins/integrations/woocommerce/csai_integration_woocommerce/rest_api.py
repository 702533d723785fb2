"""The shop's REST API, version 3: one GET at a time.

Source: https://woocommerce.github.io/woocommerce-rest-api-docs/
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from secrets import token_hex
from typing import Any
from urllib.parse import quote, urlencode

from csai_sdk import Connection, HttpError, HttpResponse, IntegrationError, PluginContext

from csai_integration_woocommerce.oauth import signed
from csai_integration_woocommerce.settings import WooCommerceConnection

MAX_BODY_BYTES = 1_000_000
_SHORTEST_S = 0.1

NOT_SET_UP = "The shop is not connected properly at the moment. Tell the visitor that it cannot be read now."
NO_ANSWER = "The shop does not answer at the moment."
BUSY = "The shop is busy. It may work in a minute."
TOO_MUCH = "The shop's answer is too long. Ask for less."
UNREADABLE = "The shop's answer could not be understood."


@dataclass(frozen=True, slots=True)
class Page:
    """A list, and how many there are in all as `X-WP-Total` says; None where the shop does not say."""

    items: list[Mapping[str, Any]]
    total: int | None
    pages: int


class NotThere(IntegrationError):
    """The shop has no such thing."""


class RestApi:
    """One connection's calls within one fetch; all of them share its deadline."""

    def __init__(self, connection: Connection, ctx: PluginContext) -> None:
        self._settings = connection.settings_as(WooCommerceConnection)
        self._ctx = ctx
        self._end = ctx.clock.now() + timedelta(seconds=self._settings.timeout_s)

    async def page(self, path: str, **query: str) -> Page:
        """Raises `IntegrationError`."""
        response = await self._get(path, query)
        items = _json(response)
        if not isinstance(items, list):
            raise IntegrationError(UNREADABLE, retryable=True)
        total, pages = response.headers.get("x-wp-total", ""), response.headers.get("x-wp-totalpages", "")
        return Page(
            [each for each in items if isinstance(each, dict)],
            int(total) if total.isascii() and total.isdigit() else None,
            int(pages) if pages.isascii() and pages.isdigit() else 1,
        )

    async def one(self, path: str, **query: str) -> Mapping[str, Any]:
        """Raises `NotThere`, and `IntegrationError` for everything else."""
        said = _json(await self._get(path, query))
        if not isinstance(said, dict):
            raise IntegrationError(UNREADABLE, retryable=True)
        return said

    async def _get(self, path: str, query: Mapping[str, str]) -> HttpResponse:
        settings = self._settings
        if settings.missing or settings.consumer_secret is None:
            raise IntegrationError(NOT_SET_UP)
        url = f"{settings.base_url}/wp-json/wc/v3/{path}"
        key, secret = settings.consumer_key, settings.consumer_secret.get_secret_value()
        headers = {"accept": "application/json"}
        if settings.is_encrypted:
            headers["authorization"] = f"Basic {base64.b64encode(f'{key}:{secret}'.encode()).decode()}"
        else:
            at = self._ctx.clock.now()
            query = signed(url, query, key=key, secret=secret, nonce=token_hex(16), at=at)
        left_s = max((self._end - self._ctx.clock.now()).total_seconds(), _SHORTEST_S)
        try:
            response = await self._ctx.http.request(
                "GET",
                f"{url}?{urlencode(query, quote_via=quote)}" if query else url,
                headers=headers,
                timeout_s=left_s,
                max_bytes=MAX_BODY_BYTES,
            )
        except HttpError as error:
            self._ctx.log.warning("woocommerce gave no answer", extra={"was_sent": error.was_sent})
            raise IntegrationError(NO_ANSWER, retryable=True) from error
        if response.status != 200:
            raise self._refused(response)
        return response

    def _refused(self, response: HttpResponse) -> IntegrationError:
        """By the status and by `code`, WordPress's own word for the cause. Its `message` stays here."""
        status, code = response.status, _code(response)
        if status == 404 and code.endswith("_invalid_id"):
            return NotThere("The shop has no such thing.")
        self._ctx.log.warning("woocommerce refuses csai", extra={"status": status, "code": code})
        if status == 429:
            return IntegrationError(BUSY, retryable=True)
        if status >= 500 or status == 408:
            return IntegrationError(NO_ANSWER, retryable=True)
        return IntegrationError(NOT_SET_UP)


def _json(response: HttpResponse) -> Any:
    if response.is_truncated:
        raise IntegrationError(TOO_MUCH)
    try:
        # Some themes and plugins put a byte order mark before everything.
        return json.loads(response.body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise IntegrationError(UNREADABLE, retryable=True) from None


def _code(response: HttpResponse) -> str:
    try:
        return str(json.loads(response.body)["code"])[:100]
    except (ValueError, TypeError, KeyError, RecursionError):
        return ""
