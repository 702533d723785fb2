"""An admin's test chat."""

from __future__ import annotations

from typing import Any

import httpx
from csai_sdk import ModelRequest, Usage
from csai_testkit.scripted import ScriptedProvider

from tests.support.operator import Operator
from tests.support.server import Server, ServerFactory


def named(request: ModelRequest) -> list[Any]:
    """A model that says its name."""
    return [request.model, Usage(10, 5)]


async def trial_server(make_server: ServerFactory) -> Server:
    """A client whose plan leaves room for a single message of its visitors."""
    return await make_server(
        ScriptedProvider(named, is_endless=True),
        client={"settings": {"chain": ["scripted/large"]}},
        limits={"messages": 1, "conversations": 1, "tokens": 10_000_000},
        response_cache_s=300,
    )


def path_of(server: Server, *more: str) -> str:
    return "/".join((f"/admin/clients/{server.client.id}/test-chat", *more))


async def ask(operator: Operator, text: str = "Hi", **body: Any) -> httpx.Response:
    return await operator.ask("POST", path_of(operator.server, "message"), json={"message": text, **body})


async def say(operator: Operator, text: str = "Hi", **body: Any) -> Any:
    answer = await ask(operator, text, **body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def rounds(operator: Operator, session_id: str) -> Any:
    return (await operator.get(path_of(operator.server, session_id, "rounds")))["turns"]
