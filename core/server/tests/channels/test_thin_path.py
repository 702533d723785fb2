"""From a vendor's delivery to the answer on its way back; on both databases."""

from __future__ import annotations

import asyncio

import pytest
from csai.models import ChannelInbound, ChannelOutbound, Conversation, Message
from csai_testkit.scripted import ScriptedProvider

from tests.support.channel import SECRET, Coop, Pigeon, Pigeonry, open_coop, said, signature
from tests.support.server import ServerFactory


@pytest.fixture
async def coop(make_server: ServerFactory) -> Coop:
    pigeon = Pigeon()
    server = await make_server(
        ScriptedProvider(["Hello!"], is_endless=True), plugins={"pigeonry": Pigeonry(pigeon)}
    )
    return await open_coop(server, pigeon)


async def test_a_message_is_answered_where_it_came_from(coop: Coop) -> None:
    answer = await coop.deliver(said("Are you open?", sender_name="Dana"))
    assert (answer.status_code, answer.text) == (200, "{}")
    assert answer.headers["content-type"].startswith("application/json")
    assert await coop.work() == ["done", "sent"]
    (sent,) = coop.pigeon.sent
    assert (sent.address, sent.text, sent.in_reply_to) == ("+3545550143", "Hello!", "m-1")
    assert coop.pigeon.seen_ids == ["m-1"]
    (conversation,) = await coop.server.rows(Conversation)
    assert (conversation["channel"], conversation["user_identifier"]) == ("pigeon", "pigeon:+3545550143")
    messages = [(row["role"], row["content"]) for row in await coop.server.rows(Message)]
    assert messages == [("user", "Are you open?"), ("assistant", "Hello!")]


async def test_messages_of_one_address_are_one_conversation(coop: Coop) -> None:
    for number in (1, 2):
        await coop.deliver(said(f"Question {number}", f"m-{number}"))
        await coop.work()
    assert len(await coop.server.rows(Conversation)) == 1
    assert coop.texts == ["Hello!", "Hello!"]


async def test_fifty_parallel_deliveries_are_one_message_and_one_answer(coop: Coop) -> None:
    answers = await asyncio.gather(*(coop.deliver(said("Are you open?")) for _ in range(50)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(await coop.server.rows(ChannelInbound)) == 1
    await asyncio.gather(*(coop.work() for _ in range(10)))
    await coop.deliver(said("Are you open?"))
    await coop.work()
    assert coop.texts == ["Hello!"]
    assert len(await coop.server.rows(Message)) == 2


@pytest.mark.parametrize("what", ["forged", "unsigned", "changed"])
async def test_what_is_not_signed_is_refused_and_not_stored(coop: Coop, what: str) -> None:
    body = b'[{"message_id": "m-1", "address": "+1", "text": "Hi"}]'
    headers = {
        "forged": {"x-signature": signature("another secret", body)},
        "unsigned": {},
        "changed": {"x-signature": signature(SECRET, body + b" ")},
    }[what]
    answer = await coop.server.http.post(coop.path, content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "webhook_forged")
    assert await coop.server.rows(ChannelInbound) == []


async def test_the_vendors_question_is_answered_in_plain_text(coop: Coop) -> None:
    asked = {"token": SECRET, "challenge": "<b>4711</b>"}
    answer = await coop.server.http.get(coop.path, params=asked)
    assert (answer.status_code, answer.text) == (200, "<b>4711</b>")
    assert answer.headers["content-type"].startswith("text/plain")
    assert (await coop.server.http.get(coop.path, params=asked | {"token": "x"})).status_code == 401


async def test_an_unknown_account_is_not_found(coop: Coop) -> None:
    answer = await coop.server.http.post("/channels/pigeon/nobody/webhook", content=b"[]")
    assert answer.status_code == 404
    assert (await coop.server.rows(ChannelOutbound)) == []


@pytest.mark.parametrize(("size", "status"), [(400_000, 200), (600_000, 413)])
async def test_a_channel_says_how_large_a_delivery_may_be(
    make_server: ServerFactory, size: int, status: int
) -> None:
    pigeon = Pigeon()
    pigeon.max_delivery_bytes = 500_000  # type: ignore[misc]
    server = await make_server(ScriptedProvider(["Hello!"]), plugins={"pigeonry": Pigeonry(pigeon)})
    coop = await open_coop(server, pigeon)
    assert (await coop.deliver(said("Hi" + " " * size))).status_code == status
