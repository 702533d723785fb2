"""What vendors have in common: an SDK that is slow to load, a key to guard, refusals, advice to wait."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from importlib import import_module

from pydantic import SecretStr

from csai_sdk.context import PluginContext
from csai_sdk.errors import (
    ProviderAuthError,
    ProviderContextTooLong,
    ProviderError,
    ProviderQuotaExceeded,
    ProviderRateLimited,
    ProviderRequestError,
    ProviderTimeout,
    ProviderUnavailable,
)

_BY_STATUS: Mapping[int, type[ProviderError]] = {
    401: ProviderAuthError,
    402: ProviderQuotaExceeded,
    403: ProviderAuthError,
    408: ProviderTimeout,
    409: ProviderUnavailable,
    413: ProviderContextTooLong,
    425: ProviderUnavailable,
    429: ProviderRateLimited,
    504: ProviderTimeout,
}


_loaded: set[str] = set()
_loading: dict[tuple[asyncio.AbstractEventLoop, str], asyncio.Future[object]] = {}


async def load_module(name: str) -> None:
    """Import a module in a thread, so that the event loop goes on meanwhile; at once from the second time on.

    For the module of a plugin that imports its vendor's SDK: an SDK may take a second to load, which neither
    the start of a server that does not use it nor the turns of others should pay. Import the module with a
    plain statement behind it, which then costs nothing. Raises what the import raises.
    """
    if name in _loaded:
        return
    # One thread for however many calls wait: those that blocked on the import's lock would take all others'.
    key = (asyncio.get_running_loop(), name)
    loading = _loading.get(key)
    if loading is None:
        loading = _loading[key] = asyncio.ensure_future(asyncio.to_thread(import_module, name))
        loading.add_done_callback(lambda _: _loading.pop(key, None))
    await asyncio.shield(loading)
    _loaded.add(name)


def key_to_send(key: SecretStr | None, ctx: PluginContext) -> str | None:
    """The vendor's key without surrounding blanks, or None where there is none to send.

    For settings `api_key` and `base_url`: the operator's key is never sent to an address that a client chose.
    """
    if key is None or ("base_url" in ctx.client_set and "api_key" not in ctx.client_set):
        return None
    return key.get_secret_value().strip() or None


def error_class_for(status: int) -> type[ProviderError]:
    """The error that an HTTP status stands for when the vendor says no more about it."""
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    return ProviderUnavailable if status >= 500 else ProviderRequestError


def retry_after_s(headers: Mapping[str, str], now: datetime) -> float | None:
    """The seconds a vendor asks to wait: `retry-after-ms`, or `retry-after` in seconds or as an HTTP date.

    Header names are looked up in lower case. None where there is no such advice or it makes no sense.
    Source: https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
    """
    seconds = _number(headers.get("retry-after-ms"))
    if seconds is not None:
        return seconds / 1000
    value = headers.get("retry-after")
    seconds = _number(value)
    if seconds is not None or value is None:
        return seconds
    try:
        date = parsedate_to_datetime(value)
        return max(0.0, (date - now).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return None


def _number(value: str | None) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return number if 0 <= number < float("inf") else None
