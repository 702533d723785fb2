"""Requests that name what they know: `If-Match` and `If-None-Match`, as RFC 9110 has them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from csai.kit.body import read_model
from csai.kit.problem import Problem

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")

IF_MATCH = {
    "parameters": [
        {
            "name": "If-Match",
            "in": "header",
            "required": True,
            "schema": {"type": "string"},
            "description": "The ETag of what you read, or * to change it whatever it is.",
            "example": '"3"',
        }
    ]
}


def named_tags(request: Request) -> list[str] | None:
    """The tags that `If-Match` names, without their quotes; None for any. Raises 428 where it is missing."""
    header = request.headers.get("if-match", "").strip()
    if not header:
        raise Problem(
            428, "if_match_missing", "Send the ETag of what you read in If-Match, or * to change it as it is."
        )
    if header == "*":
        return None
    # Proxies that compress mark an ETag as weak; what it names is the same.
    return [tag.strip().removeprefix("W/").strip('"') for tag in header.split(",")]


async def read_change(request: Request, model: type[M], *, max_bytes: int) -> tuple[M, list[str] | None]:
    """What is to be changed, and the tags of what it was seen as. Raises `Problem`."""
    tags = named_tags(request)
    return await read_model(request, model, max_bytes=max_bytes), tags


def tagged(response: Response, state: T, tag: str | int) -> T:
    """The state, with its tag for the one who may change it."""
    response.headers["ETag"] = f'"{tag}"'
    return state


def known_tags(request: Request) -> set[str]:
    """The tags that `If-None-Match` names, in their quotes; `*` among them for any."""
    header = request.headers.get("if-none-match", "")
    # Proxies that compress mark an ETag as weak; what it names is the same.
    return {tag.strip().removeprefix("W/") for tag in header.split(",")}


def check_revision(revision: int, tags: Collection[str] | None) -> None:
    """Raises 412 for a change that was made on another revision."""
    if tags is not None and str(revision) not in tags:
        raise _changed_meanwhile(str(revision))


def tag_of(state: Mapping[str, Any]) -> str:
    """The tag of a state that has no revision of its own: the same state has the same."""
    return hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()[:16]


def check_tag(state: Mapping[str, Any], tags: Collection[str] | None) -> None:
    """Raises 412 for a change that was made on another state."""
    if tags is not None and tag_of(state) not in tags:
        raise _changed_meanwhile(tag_of(state))


def _changed_meanwhile(tag: str) -> Problem:
    return Problem(
        412,
        "changed_meanwhile",
        "Somebody else has changed this since you read it. Read it again, and repeat your change.",
        headers={"ETag": f'"{tag}"'},
    )
