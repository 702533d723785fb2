"""The outermost layer: request ids, CORS, and an answer for what nobody caught."""

from __future__ import annotations

import uuid

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from csai.database import DatabaseUnavailable, OutcomeUnknown
from csai.kit.problem import Problem, problem_response

log = structlog.get_logger(__name__)

OPEN_PATHS = ("/chat/", "/api/", "/health")
ALLOWED_HEADERS = "content-type, accept, x-api-key, x-session-token, idempotency-key, last-event-id"
EXPOSED_HEADERS = "x-request-id, retry-after"

_NO_DATABASE = Problem(
    503,
    "database_unavailable",
    "The service cannot reach its database. Nothing was stored; try again shortly.",
    headers={"Retry-After": "5"},
)
_UNKNOWN = Problem(
    503,
    "database_unavailable",
    "The service lost its database while storing; it is not known whether it was stored. Repeat a message "
    "with the same Idempotency-Key.",
    headers={"Retry-After": "5"},
)
_FAILED = Problem(
    500, "internal_error", "Something failed on our side. Report the request_id if it happens again."
)


class Edge:
    """Wraps the whole application.

    The visitor's routes answer any origin's preflight and carry CORS headers also on errors, so that a page
    can read why it was refused; whether the origin may use the key is decided by the key.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        headers = Headers(scope=scope)
        origin = headers.get("origin", "")
        is_open = bool(origin) and scope["path"].startswith(OPEN_PATHS)
        if is_open and scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            await _preflight(origin, send)
            return
        has_begun = False

        async def send_with_headers(message: Message) -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                has_begun = True
                out = MutableHeaders(scope=message)
                out["x-request-id"] = request_id
                out["x-content-type-options"] = "nosniff"
                if scope["path"].startswith("/admin/"):
                    out["cache-control"] = "no-store"
                if is_open:
                    out["access-control-allow-origin"] = origin
                    out["access-control-expose-headers"] = EXPOSED_HEADERS
                    out.add_vary_header("origin")
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        except Exception as error:
            if has_begun:
                raise
            if isinstance(error, DatabaseUnavailable):
                log.exception("database unavailable", request_id=request_id)
                problem = _UNKNOWN if isinstance(error, OutcomeUnknown) else _NO_DATABASE
            else:
                log.exception("request failed", request_id=request_id)
                problem = _FAILED
            await problem_response(problem, request_id)(scope, receive, send_with_headers)


async def _preflight(origin: str, send: Send) -> None:
    headers = {
        "access-control-allow-origin": origin,
        "access-control-allow-methods": "GET, POST, OPTIONS",
        "access-control-allow-headers": ALLOWED_HEADERS,
        "access-control-max-age": "7200",
        "vary": "Origin",
    }
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": 204, "headers": raw})
    await send({"type": "http.response.body", "body": b""})
