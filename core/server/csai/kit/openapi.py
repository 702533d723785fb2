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


def body_of(model: type[BaseModel]) -> dict[str, Any]:
    return {
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": model.model_json_schema()}},
        }
    }
