"""Anthropic's failures as SDK errors.

A vendor's message may quote the visitor, and a client-set server may write anything: only codes that look
like codes go into ours. The message is looked at, never passed on.
Source: https://platform.claude.com/docs/en/api/errors
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from csai_sdk import (
    ProviderContextTooLong,
    ProviderError,
    ProviderQuotaExceeded,
    error_class_for,
)

_CODE = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_STATUS_BY_TYPE: Mapping[str, int] = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "conflict_error": 409,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
_QUOTA_CODES = re.compile(r".*spend_limit_reached|.*billing.*")
# Both of these come as `invalid_request_error`, told apart by their words alone.
_QUOTA_SIGNS = ("credit balance is too low", "usage limits")
_CONTEXT_SIGNS = ("prompt is too long", "exceed context limit", "context window")


def of_status(status: int, body: object, *, wait_s: float | None) -> ProviderError:
    """The error for an answer that is no 200; `wait_s` is the advice in its headers."""
    return _failure(_error_object(body), status=status, wait_s=wait_s)


def error_in_body(body: Mapping[str, Any]) -> ProviderError:
    """The error that came inside an answer of status 200."""
    details = _error_object(body)
    return _failure(details, status=_STATUS_BY_TYPE.get(str(details.get("type")), 500), wait_s=None)


def _failure(details: Mapping[str, Any], *, status: int, wait_s: float | None) -> ProviderError:
    codes = _codes(details)
    message = str(details.get("message") or "").lower()
    said = ", ".join([f"HTTP {status}", *codes])
    if any(_QUOTA_CODES.fullmatch(code) for code in codes) or any(sign in message for sign in _QUOTA_SIGNS):
        return ProviderQuotaExceeded(f"the Anthropic account's credit is used up ({said})", status=status)
    if status == 400 and any(sign in message for sign in _CONTEXT_SIGNS):
        return ProviderContextTooLong(f"the conversation is too long for the model ({said})", status=status)
    kind = error_class_for(status)
    return kind(f"Anthropic refused or failed ({said})", status=status, retry_after_s=wait_s)


def _error_object(body: object) -> Mapping[str, Any]:
    error = body.get("error") if isinstance(body, dict) else None
    return error if isinstance(error, dict) else {}


def _codes(details: Mapping[str, Any]) -> list[str]:
    more = details.get("details")
    words = (details.get("type"), more.get("error_code") if isinstance(more, dict) else None)
    return [word.lower() for word in words if isinstance(word, str) and _CODE.fullmatch(word)]
