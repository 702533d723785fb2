"""A server that answers as Ollama does, and questions to it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from csai_provider_ollama import OllamaProvider, OllamaSettings
from csai_provider_ollama.connection import Connection
from csai_sdk import ModelReply, ModelRequest, PluginContext, UserMessage
from csai_testkit.context import make_context
from csai_testkit.replay import Exchange

ASK = ModelRequest(model="qwen3", system="Be brief.", messages=(UserMessage("Any blue kettles?"),))
DONE = {
    "model": "qwen3",
    "message": {"role": "assistant", "content": ""},
    "done": True,
    "done_reason": "stop",
    "prompt_eval_count": 11,
    "eval_count": 5,
}


def says(text: str = "", **message: Any) -> dict[str, Any]:
    return {"model": "qwen3", "message": {"role": "assistant", "content": text, **message}, "done": False}


def streams(*events: dict[str, Any]) -> Exchange:
    body = b"".join(json.dumps(event).encode() + b"\n" for event in events)
    return Exchange("POST", "/api/chat", 200, {"content-type": "application/x-ndjson"}, body)


async def collect(request: ModelRequest, context: Any) -> tuple[list[str], ModelReply]:
    *chunks, reply = [part async for part in OllamaProvider().stream(request, context)]
    assert isinstance(reply, ModelReply)
    assert "".join(map(str, chunks)) == reply.text
    assert all(chunks)
    return [str(chunk) for chunk in chunks], reply


@asynccontextmanager
async def at(
    url: str, *, client_set: frozenset[str] = frozenset(), **settings: Any
) -> AsyncIterator[PluginContext]:
    settings_ = OllamaSettings(base_url=url, **settings)
    context = make_context(settings=settings_, plugin="ollama", client_set=client_set)
    yield context
    await context.resource("connection", lambda: Connection(context)).aclose()
