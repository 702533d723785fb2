"""What the answers of HTTP vendors have in common: refusals by status, and how long to wait."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

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
