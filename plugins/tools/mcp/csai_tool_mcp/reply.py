"""What a request to a server came to, from what the SDK returns or raises."""

from __future__ import annotations

from mcp import MCPError
from mcp_types import (
    HEADER_MISMATCH,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    UNSUPPORTED_PROTOCOL_VERSION,
)
from pydantic import ValidationError

from csai_tool_mcp.failure import Kind, RequestFailed
from csai_tool_mcp.transport import CODES

_KINDS = {code: kind for kind, code in CODES.items()}
# The server had a look at the request and did not begin with it. A parse error is none of these: the SDK
# makes one up where it is the answer that cannot be parsed.
_NOT_BEGUN = frozenset(
    {
        HEADER_MISMATCH,
        INVALID_PARAMS,
        INVALID_REQUEST,
        METHOD_NOT_FOUND,
        UNSUPPORTED_PROTOCOL_VERSION,
    }
)
_MAX_REASON_CHARS = 200


def failure_of(error: BaseException, *, is_opening: bool = False) -> RequestFailed:
    """The failure that an exception of the SDK means; nothing was asked of a tool while a session opens."""
    failure = _failure(_innermost(error))
    if is_opening and failure.kind in ("lost", "gone"):
        return RequestFailed("unsent", str(failure))
    return failure


def _failure(error: BaseException) -> RequestFailed:
    match error:
        case RequestFailed():
            return error
        case MCPError(code=code) if code in _KINDS:
            status = error.data.get("status") if isinstance(error.data, dict) else None
            is_setup = _KINDS[code] == "refused" and status not in (408, 425, 429)
            return RequestFailed(_KINDS[code], error.message[:_MAX_REASON_CHARS], is_setup=is_setup)
        case MCPError(code=code):
            # Without its words, which may repeat what it was sent.
            kind: Kind = "refused" if code in _NOT_BEGUN else "lost"
            return RequestFailed(kind, f"it answers with the MCP error {code}", said=error.message)
        case ValidationError():
            return RequestFailed("lost", "it answers with something that is not MCP")
        case TimeoutError():
            return RequestFailed("lost", "it did not answer in time")
        case OSError():
            return RequestFailed("unsent", f"it cannot be started ({error.strerror or type(error).__name__})")
    return RequestFailed("lost", f"talking to it failed ({type(error).__name__})")


def _innermost(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup) and error.exceptions:
        error = error.exceptions[0]
    return error
