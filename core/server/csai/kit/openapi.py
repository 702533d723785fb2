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
        "description": "Not signed in: `token_missing`, `token_invalid`, `login_invalid`, "
        "`link_invalid`, `session_over`, `second_factor_needed`, `second_factor_invalid`, `oidc_over`.",
    },
    403: {
        **_problem,
        "description": "Not allowed: `role_insufficient`, `installation_only`, `cross_site`, "
        "`token_read_only`, `session_required`; by the identity provider `admin_unknown`, `admin_inactive`, "
        "`admin_locked`, `oidc_unverified`, `oidc_other_account`.",
    },
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
OIDC_PROBLEMS: dict[int | str, dict[str, Any]] = {
    502: {**_problem, "description": "The identity provider failed: `oidc_unreachable`."},
}
GATEWAY_PROBLEMS: dict[int | str, dict[str, Any]] = {
    502: {**_problem, "description": "A payment vendor failed: `gateway_failed`, `outcome_unknown`."},
}


def body_of(model: type[BaseModel]) -> dict[str, Any]:
    schema = model.model_json_schema()
    parts = schema.pop("$defs", {})
    return {
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": _inlined(schema, parts)}},
        }
    }


def _inlined(schema: Any, parts: dict[str, Any]) -> Any:
    """The schema without references: where it stands in the document, they would lead nowhere."""
    match schema:
        case {"$ref": str() as reference, **others}:
            return _inlined({**parts[reference.removeprefix("#/$defs/")], **others}, parts)
        case dict():
            return {name: _inlined(item, parts) for name, item in schema.items()}
        case list():
            return [_inlined(item, parts) for item in schema]
    return schema
