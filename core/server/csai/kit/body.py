"""Reading request bodies: capped, strict, refused in words."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from csai.kit.problem import Problem

M = TypeVar("M", bound=BaseModel)


async def read_body(request: Request, *, max_bytes: int) -> bytes:
    """The raw body. Raises 413 as soon as it is longer than `max_bytes`."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > max_bytes:
        raise _too_large(max_bytes)
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > max_bytes:
            raise _too_large(max_bytes)
        chunks.append(chunk)
    return b"".join(chunks)


async def read_model(request: Request, model: type[M], *, max_bytes: int) -> M:
    """The body as `model`. Raises 400 for what is no JSON and 422 for what does not fit."""
    body = await read_body(request, max_bytes=max_bytes)
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        errors = error.errors(include_url=False, include_input=False, include_context=False)
    if errors[0]["type"] == "json_invalid":
        raise Problem(400, "json_invalid", "The body is not valid JSON in UTF-8.")
    raise Problem(
        422,
        "request_invalid",
        "The request does not fit: "
        + "; ".join(f"{'.'.join(map(str, item['loc'])) or 'body'}: {item['msg']}" for item in errors[:5]),
        errors=[
            {"pointer": "/" + "/".join(map(str, item["loc"])), "detail": item["msg"]} for item in errors[:20]
        ],
    )


def check_words(text: str, *, max_chars: int) -> None:
    """Raises 422 for a message that says nothing, or too much."""
    if not text.strip():
        raise Problem(422, "message_empty", "The message is empty. Write something.")
    if len(text) > max_chars:
        raise Problem(
            422,
            "message_too_long",
            f"The message is longer than {max_chars} characters. Shorten or split it.",
        )


def _too_large(max_bytes: int) -> Problem:
    return Problem(
        413, "body_too_large", f"The request is larger than {max_bytes} bytes. Send less in one message."
    )
