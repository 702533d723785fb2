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
    error_class_for,
)

_ADVICE: Mapping[type[ProviderError], str] = {
    ProviderAuthError: "Ollama refused the API key, or it may not use model '{model}'. Check OLLAMA_API_KEY.",
    ProviderContextTooLong: "The request is larger than Ollama takes.",
    ProviderQuotaExceeded: "The Ollama account has no credit left.",
    ProviderRateLimited: "Ollama asks for fewer requests.",
    ProviderTimeout: "Ollama did not answer in time.",
    ProviderUnavailable: "Ollama failed inside or is overloaded; its own log tells why.",
}
_REFUSED = "Ollama refused the request for model '{model}'. Check the model's name and the model options."
_NO_OLLAMA = "Something else than Ollama answers at this address. Correct it (OLLAMA_HOST)."
_CONTEXT_SIGNS = ("context length", "context window", "context size", "exceed_context", "prompt is too long")


class ToolsUnsupported(ProviderRequestError):
    """The model's template has no place for tools."""


def of_status(status: int, body: bytes, *, model: str, retry_after_s: float | None) -> ProviderError:
    """The error for an answer that is no 200."""
    reason = _reason(body)
    if status == 400 and "does not support tools" in reason:
        return ToolsUnsupported(f"model '{model}' takes no tools", status=status)
    if status == 404 and _is_unknown_model(reason):
        return _unknown_model(model)
    if any(sign in reason for sign in _CONTEXT_SIGNS):
        return _context_too_long(status)
    kind = error_class_for(status)
    advice = _NO_OLLAMA if status == 404 or status < 400 else _ADVICE.get(kind, _REFUSED)
    return kind(advice.format(model=model), status=status, retry_after_s=retry_after_s)


def in_stream(reason: str, *, model: str) -> ProviderError:
    """The error for a line that tells one after the answer had begun with 200."""
    reason = reason.lower()
    if _is_unknown_model(reason):
        return _unknown_model(model)
    if any(sign in reason for sign in _CONTEXT_SIGNS):
        return _context_too_long(None)
    return ProviderUnavailable("Ollama broke off with an error; its own log tells why.")


def of_transport(error: Exception, address: str, *, is_answering: bool) -> ProviderError:
    """The error for a request that got no answer, or only a part of one."""
    match error:
        case TimeoutError() | httpx.ReadTimeout() | httpx.WriteTimeout():
            return ProviderTimeout(f"Ollama at {address} did not answer in time.")
        case httpx.ConnectError() | httpx.ConnectTimeout() | httpx.PoolTimeout():
            return ProviderUnavailable(
                f"No connection to Ollama at {address}. Is it running there? Start it with `ollama serve`, "
                "or correct its address (OLLAMA_HOST)."
            )
        case httpx.ReadError() | httpx.RemoteProtocolError() if not is_answering:
            return ProviderUnavailable(f"Ollama at {address} closed the connection without an answer.")
        case httpx.ReadError() | httpx.RemoteProtocolError() | httpx.DecodingError():
            return ProviderProtocolError(
                f"The connection to Ollama at {address} broke in the middle of an answer."
            )
        case _:
            return ProviderUnavailable(f"The request to Ollama at {address} could not be sent.")


def _is_unknown_model(reason: str) -> bool:
    return "model" in reason and "not found" in reason


def _unknown_model(model: str) -> ProviderError:
    return ProviderRequestError(
        f"Ollama has no model '{model}'. Fetch it with `ollama pull {model}`.", status=404
    )


def _context_too_long(status: int | None) -> ProviderError:
    return ProviderContextTooLong(
        "The conversation is longer than the model's context window. Raise the context window (num_ctx).",
        status=status,
    )


def _reason(body: bytes) -> str:
    try:
        error = json.loads(body).get("error", "")
    except (ValueError, AttributeError, RecursionError):
        return ""
    # Proxies in front of Ollama wrap it the way OpenAI does.
    return str(error.get("message", "") if isinstance(error, dict) else error).lower()
