"""A tool's result as data for a model: text as it is, and of the rest what can be said of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from mcp_types import (
    AudioContent,
    BlobResourceContents,
    CallToolResult,
    ContentBlock,
    EmbeddedResource,
    ImageContent,
    ResourceLink,
    TextContent,
    TextResourceContents,
)

# A little more than the server hands to a model, so that it can say how much it left out.
MAX_CHARS = 64_000
_MAX_BLOCKS = 200


def value_of(result: CallToolResult, hidden: Sequence[str]) -> Any:
    """Text, or JSON where the tool answers with structured content; without the texts in `hidden`."""
    text = "\n\n".join(_texts(result.content))
    structured = result.structured_content
    if structured is None:
        return _without(text, hidden)[:MAX_CHARS] or "The tool answered with nothing."
    if not text or _is_same(text, structured):
        return _json_without(structured, hidden)
    return {"text": _without(text, hidden)[:MAX_CHARS], "structured": _json_without(structured, hidden)}


def _texts(blocks: Sequence[ContentBlock]) -> Iterable[str]:
    for block in blocks[:_MAX_BLOCKS]:
        yield _text(block)
    if len(blocks) > _MAX_BLOCKS:
        yield f"[{len(blocks) - _MAX_BLOCKS} more parts are left out]"


def _text(block: ContentBlock) -> str:
    match block:
        case TextContent():
            return block.text
        case ImageContent() | AudioContent():
            return f"[{block.type}, {block.mime_type[:100]}, {_size(block.data)} bytes, not shown here]"
        case ResourceLink():
            described = f": {block.description}" if block.description else ""
            return f"[resource {block.title or block.name}, {block.uri}{described}]"
        case EmbeddedResource():
            return _resource(block.resource)


def _resource(resource: TextResourceContents | BlobResourceContents) -> str:
    if isinstance(resource, TextResourceContents):
        return f"[resource {resource.uri}]\n{resource.text}"
    kind = (resource.mime_type or "a file")[:100]
    return f"[resource {resource.uri}, {kind}, {_size(resource.blob)} bytes, not shown here]"


def _size(data: str) -> int:
    """Of what the base64 stands for."""
    return len(data.rstrip("=")) * 3 // 4


def _is_same(text: str, structured: Any) -> bool:
    """Whether the text is the structured content once more, as the protocol asks servers to write it."""
    try:
        return bool(json.loads(text) == structured)
    except (ValueError, RecursionError):
        return False


def _json_without(value: Any, hidden: Sequence[str]) -> Any:
    text = json.dumps(value, ensure_ascii=False)
    shown = _without(text, hidden)
    if len(shown) > MAX_CHARS:
        return shown[:MAX_CHARS]
    if shown == text:
        return value
    try:
        return json.loads(shown)
    except ValueError:  # what was hidden was a number, or more than a text
        return shown


def _without(text: str, hidden: Sequence[str]) -> str:
    for each in hidden:
        text = text.replace(each, "[hidden]")
    return text
