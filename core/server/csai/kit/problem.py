"""Expected refusals, answered as RFC 9457 problem documents."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.responses import Response


class Problem(Exception):
    """A request that cannot be served. `code` is stable; `detail` says what to do next."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = dict(headers or {})
        self.extra = extra


def not_found(what: str = "object") -> Problem:
    """The one answer for what is missing and for what belongs to another client."""
    return Problem(404, "not_found", f"There is no such {what}. Check the id and the key you use.")


def problem_response(problem: Problem, request_id: str) -> Response:
    body = {
        "type": f"https://csai.dev/problems/{problem.code}",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "code": problem.code,
        "detail": problem.detail,
        "request_id": request_id,
        **problem.extra,
    }
    return Response(
        json.dumps(body, ensure_ascii=False),
        status_code=problem.status,
        headers=problem.headers,
        media_type="application/problem+json",
    )
