"""What every route tells the OpenAPI document of its errors, and of a body it reads itself."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field


class ProblemDocument(BaseModel):
    """RFC 9457."""

    type: str
    title: str
    status: int
    code: str = Field(description="Stable; act on this.")
    detail: str = Field(description="What happened and what to do next.")
    request_id: str


_problem = {"model": ProblemDocument, "content": {"application/problem+json": {}}}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: {**_problem, "description": "The body is no JSON."},
    401: {**_problem, "description": "The key is missing or not valid."},
    403: {**_problem, "description": "The key may not be used from this origin."},
    404: {**_problem, "description": "There is no such conversation, or its token was not shown."},
    409: {**_problem, "description": "The conversation has ended or is busy, or a repeat is in flight."},
    413: {**_problem, "description": "The body is too large."},
    422: {**_problem, "description": "The request does not fit."},
    429: {**_problem, "description": "Too many messages, or a limit of the plan is used up."},
}
ADMIN_PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: {**_problem, "description": "The body is no JSON: `json_invalid`."},
    401: {
        **_problem,
        "description": "Not signed in: `token_missing`, `token_invalid`, `login_invalid`.",
    },
    403: {**_problem, "description": "Not allowed: `role_insufficient`, `cross_site`."},
    404: {**_problem, "description": "There is no such thing: `not_found`, `plugin_unknown`."},
    409: {
        **_problem,
        "description": "It cannot be as things are: `nothing_to_undo`, `secret_unreadable`, "
        "`settings_not_migrated`, `settings_too_new`.",
    },
    412: {**_problem, "description": "Somebody else was quicker: `changed_meanwhile`."},
    413: {**_problem, "description": "The body is too large: `body_too_large`."},
    422: {
        **_problem,
        "description": "The request does not fit: `request_invalid`, `setting_unknown`, `setting_invalid`.",
    },
    428: {**_problem, "description": "If-Match is missing: `if_match_missing`."},
    429: {**_problem, "description": "Too many attempts: `rate_limited`."},
}


def body_of(model: type[BaseModel]) -> dict[str, Any]:
    return {
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": model.model_json_schema()}},
        }
    }
