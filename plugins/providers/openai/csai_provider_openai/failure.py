"""Failures of OpenAI and of servers like it, as SDK errors.

A vendor's message may quote the visitor, and a client-set server may write anything: only codes that look
like codes go into ours. The message is looked at, never passed on.
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
_QUOTA_CODES = re.compile(
    r"insufficient_(quota|balance)|credit_balance_exhausted|billing_.*|.*_(spend|usage)_limit_(exceeded|reached)"
)
_CONTEXT_CODES = frozenset({"context_length_exceeded", "exceed_context_size_error"})
_QUOTA_SIGNS = ("exceeded your current quota", "insufficient balance", "insufficient credit")
_CONTEXT_SIGNS = ("maximum context length", "context window", "context size", "prompt is too long")
# For an error inside an answer of status 200, which has only words to tell what it is.
_STATUS_BY_CODE: Mapping[str, int] = {
    "invalid_request_error": 400,
    "badrequesterror": 400,
    "authentication_error": 401,
    "invalid_api_key": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "model_not_found": 404,
    "timeout_error": 408,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
}


def of_status(status: int, body: object, *, wait_s: float | None) -> ProviderError:
    """The error for an answer that is no 200; `wait_s` is the advice in its headers."""
    return _failure(_error_object(body), status=status, wait_s=wait_s)


def error_in_body(body: Mapping[str, Any]) -> ProviderError | None:
    """The error that an answer of status 200 turns out to hold, if it does."""
    error = body if body.get("object") == "error" else body.get("error")
    if not error:
        return None
    details = _error_object(error)
    codes = _codes(details)
    code = details.get("code")
    status = code if isinstance(code, int) and 400 <= code < 600 else None
    known = next((_STATUS_BY_CODE[word] for word in codes if word in _STATUS_BY_CODE), None)
    return _failure(details, status=status or known or 500, wait_s=None)


def _failure(details: Mapping[str, Any], *, status: int, wait_s: float | None) -> ProviderError:
    codes = _codes(details)
    message = str(details.get("message") or "").lower()
    said = ", ".join([f"HTTP {status}", *codes])
    if any(_QUOTA_CODES.fullmatch(code) for code in codes) or any(sign in message for sign in _QUOTA_SIGNS):
        return ProviderQuotaExceeded(f"the OpenAI account's credit is used up ({said})", status=status)
    if _CONTEXT_CODES.intersection(codes) or (
        status in (400, 413, 422, 500) and any(sign in message for sign in _CONTEXT_SIGNS)
    ):
        return ProviderContextTooLong(f"the conversation is too long for the model ({said})", status=status)
    kind = error_class_for(status)
    return kind(f"the OpenAI server refused or failed ({said})", status=status, retry_after_s=wait_s)


def _error_object(error: object) -> Mapping[str, Any]:
    if isinstance(error, dict):
        return error
    return {"message": error} if isinstance(error, str) else {}


def _codes(details: Mapping[str, Any]) -> list[str]:
    words = (details.get("code"), details.get("type"))
    codes = [word.lower() for word in words if isinstance(word, str) and _CODE.fullmatch(word)]
    return list(dict.fromkeys(codes))
