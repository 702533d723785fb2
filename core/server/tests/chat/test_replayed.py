"""Who carries answers on hears which of them are told again: of parallel deliveries one is passed on."""

from __future__ import annotations

import asyncio
from uuid import uuid4

from csai_testkit.scripted import ScriptedProvider

from tests.support.server import ServerFactory


async def test_of_fifty_parallel_questions_one_answer_is_the_first(make_server: ServerFactory) -> None:
    server = await make_server(ScriptedProvider(["Hello!"], is_endless=True))
    headers = {"X-API-Key": server.client.secret_key}
    body = {"message": "Are you open?", "message_id": str(uuid4())}

    async def ask() -> tuple[int, str | None]:
        answer = await server.http.post("/chat/message", json=body, headers=headers)
        return answer.status_code, answer.headers.get("idempotency-replayed")

    found = await asyncio.gather(*(ask() for _ in range(50)))
    assert [each for each in found if each[1] is None] == [(200, None)]
    assert {each[0] for each in found} == {200}
    assert await ask() == (200, "true")
