"""Ollama's failures as SDK errors.

Nothing of an answer's body goes into a message: the address may be one that a client has set, and the body
then is whatever stands there. What an operator needs to know is told in our own words.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import httpx

from csai_sdk import (
    ProviderAuthError,
    ProviderContextTooLong,
    ProviderError,
    ProviderProtocolError,
    ProviderQuotaExceeded,
    ProviderRateLimited,
    ProviderRequestError,
    ProviderTimeout,
    ProviderUnavailable,
)

_CONTEXT_SIGNS = ("context length", "context window", "context size", "exceed_context", "prompt is too long")


class ToolsUnsupported(ProviderRequestError):
    """The model's template has no place for tools."""


def of_status(status: int, body: bytes, headers: Mapping[str, str], *, model: str) -> ProviderError:
    """The error for an answer that is no 200."""
    reason = _reason(body)
    if status == 400 and "does not support tools" in reason:
        return ToolsUnsupported(f"model '{model}' takes no tools", status=status)
    if status in {401, 403}:
        return ProviderAuthError(
            "Ollama refused the API key, or it may not use this model. Check the API key (OLLAMA_API_KEY).",
            status=status,
        )
    if status == 402:
        return ProviderQuotaExceeded("The Ollama account has no credit left.", status=status)
    if status == 404:
        return _unknown_model(model) if "not found" in reason and "model" in reason else _no_ollama(status)
    if status == 429:
        return ProviderRateLimited(
            "Ollama asks for fewer requests.",
            status=status,
            retry_after_s=_seconds(headers.get("retry-after")),
        )
    if status in {408, 504}:
        return ProviderTimeout("Ollama did not answer in time.", status=status)
    if status >= 500:
        return _inside(reason, status) or ProviderUnavailable(
            "Ollama failed inside or is overloaded; its own log tells why.",
            status=status,
            retry_after_s=_seconds(headers.get("retry-after")),
        )
    if 300 <= status < 400:
        return _no_ollama(status)
    return _inside(reason, status) or ProviderRequestError(
        f"Ollama refused the request for model '{model}'. Check the model's name and the model options.",
        status=status,
    )


def in_stream(reason: str, *, model: str) -> ProviderError:
    """The error for a line that tells one after the answer had begun with 200."""
    reason = reason.lower()
    if "not found" in reason and "model" in reason:
        return _unknown_model(model)
    return _inside(reason, None) or ProviderUnavailable(
        "Ollama broke off with an error; its own log tells why."
    )


def of_transport(error: Exception, address: str) -> ProviderError:
    """The error for a request that got no answer, or only a part of one."""
    match error:
        case TimeoutError() | httpx.ReadTimeout() | httpx.WriteTimeout():
            return ProviderTimeout(f"Ollama at {address} did not answer in time.")
        case httpx.ConnectError() | httpx.ConnectTimeout() | httpx.PoolTimeout():
            return ProviderUnavailable(
                f"No connection to Ollama at {address}. Is it running there? Start it with `ollama serve`, "
                "or correct its address (OLLAMA_HOST)."
            )
        case httpx.ReadError() | httpx.RemoteProtocolError() | httpx.DecodingError():
            return ProviderProtocolError(
                f"The connection to Ollama at {address} broke in the middle of an answer."
            )
        case _:
            return ProviderUnavailable(f"The request to Ollama at {address} could not be sent.")


def _inside(reason: str, status: int | None) -> ProviderError | None:
    if any(sign in reason for sign in _CONTEXT_SIGNS):
        return ProviderContextTooLong(
            "The conversation is longer than the model's context window. Raise the context window (num_ctx).",
            status=status,
        )
    return None


def _unknown_model(model: str) -> ProviderError:
    return ProviderRequestError(
        f"Ollama has no model '{model}'. Fetch it with `ollama pull {model}`.", status=404
    )


def _no_ollama(status: int) -> ProviderError:
    return ProviderRequestError(
        "Something else than Ollama answers at this address. Correct it (OLLAMA_HOST): no path but a proxy's own.",
        status=status,
    )


def _reason(body: bytes) -> str:
    try:
        error = json.loads(body).get("error", "")
    except (ValueError, AttributeError, RecursionError):
        return ""
    # Proxies in front of Ollama wrap it the way OpenAI does.
    return str(error.get("message", "") if isinstance(error, dict) else error).lower()


def _seconds(value: str | None) -> float | None:
    return float(value) if value and value.strip().isdecimal() else None
