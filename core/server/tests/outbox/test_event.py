"""What happens in chats becomes events, once each; on both databases."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from csai.kit.egress import EgressPolicy
from csai.models import OutboxEvent
from csai.outbox.event import EVENTS
from csai.outbox.service import change_webhook
from csai_sdk import Usage
from csai_testkit.scripted import ScriptedProvider

from tests.support.clock import HandClock
from tests.support.server import Server, ServerFactory, TestClient

PAGE = Path(__file__).resolve().parents[4] / "docs" / "operators" / "webhooks.md"


async def listen(server: Server, client: TestClient | None = None) -> None:
    async with server.services.database.write() as transaction:
        await change_webhook(
            transaction,
            (client or server.client).id,
            url="https://shop.example/hook",
            keyring=server.services.keyring,
            policy=EgressPolicy(),
            clock=server.services.clock,
        )


async def told(server: Server) -> list[tuple[str, Any]]:
    """The events so far, and what they say."""
    await server.services.live.ended()
    await server.services.once.aclose()
    rows = sorted(await server.rows(OutboxEvent), key=lambda row: row["id"])
    return [(row["event"], row["payload"]) for row in rows]


async def end(server: Server, answer: Any) -> int:
    ended = await server.http.post(
        "/chat/end", json={"session_id": answer["session_id"]}, headers=server.as_page(answer)
    )
    return ended.status_code


async def test_a_conversation_that_ends_is_told_once(echo_server: Server) -> None:
    await listen(echo_server)
    answer = (await echo_server.say("Hi")).json()
    assert await told(echo_server) == []
    assert await asyncio.gather(*(end(echo_server, answer) for _ in range(5))) == [200] * 5
    assert await told(echo_server) == [("conversation.ended", {"session_id": answer["session_id"]})]


async def test_a_conversation_that_had_ended_before_somebody_listened_is_not_told(
    echo_server: Server,
) -> None:
    answer = (await echo_server.say("Hi")).json()
    assert await end(echo_server, answer) == 200
    await listen(echo_server)
    assert await end(echo_server, answer) == 200
    assert await told(echo_server) == []


async def test_each_change_of_hands_is_told_once_and_the_end_of_a_conversation_too(
    echo_server: Server,
) -> None:
    await listen(echo_server)
    answer = (await echo_server.say("Hi")).json()
    for state in ("queued", "queued", "teammate", "ai", "closed", "closed"):
        changed = await echo_server.http.post(
            "/chat/state",
            json={"session_id": answer["session_id"], "state": state},
            headers={"X-API-Key": echo_server.client.secret_key},
        )
        assert changed.json()["state"] == state

    session = {"session_id": answer["session_id"]}
    assert await told(echo_server) == [
        *[("conversation.state_changed", {**session, "state": s}) for s in ("queued", "teammate", "ai")],
        ("conversation.ended", session),
    ]


async def test_a_limit_is_told_when_it_is_near_and_when_it_is_reached(make_server: ServerFactory) -> None:
    vendor = ScriptedProvider(["Hello!"], is_endless=True)
    server = await make_server(vendor, limits={"messages": 5}, clock=HandClock())
    await listen(server)
    answer = (await server.say("Hi")).json()
    period = f"{server.services.clock.now():%Y-%m}"
    near = {"metric": "messages", "period": period, "limit": 5, "used": 4}
    reached = {"metric": "messages", "period": period, "limit": 5}
    for _ in range(3):
        await server.say("Hi", answer)
        assert await told(server) == []
    await server.say("Hi", answer)
    assert await told(server) == [("limit.near", near)]
    for _ in range(3):
        assert (await server.say("Hi", answer)).status_code == 429
        assert await told(server) == [("limit.near", near), ("limit.reached", reached)]


async def test_a_limit_of_tokens_is_told_when_it_is_near(make_server: ServerFactory) -> None:
    provider = ScriptedProvider(["Hello!", Usage(41_000, 0)], is_endless=True)
    server = await make_server(provider, limits={"tokens": 100_000})
    await listen(server)
    for _ in range(3):
        assert (await server.say("Hi")).json()["status"] == "completed"
    ((event, payload),) = await told(server)
    assert (event, payload["metric"], payload["used"]) == ("limit.near", "tokens", 82_000)


async def test_a_limit_that_ends_a_turn_is_told(make_server: ServerFactory) -> None:
    server = await make_server(ScriptedProvider(["Hello!"], is_endless=True), limits={"tokens": 100})
    await listen(server)
    assert (await server.say("Hi")).json()["status"] == "blocked"
    assert [(event, payload["metric"]) for event, payload in await told(server)] == [
        ("limit.reached", "tokens")
    ]


async def test_a_limit_that_was_reached_unheard_is_told_once_somebody_listens(
    make_server: ServerFactory,
) -> None:
    server = await make_server(ScriptedProvider(["Hello!"], is_endless=True), limits={"messages": 0})
    assert (await server.say("Hi")).status_code == 429
    assert await told(server) == []
    await listen(server)
    for _ in range(2):
        assert (await server.say("Hi")).status_code == 429
    assert [event for event, _payload in await told(server)] == ["limit.reached"]


async def test_fifty_refusals_at_once_are_one_event_for_each_client(make_server: ServerFactory) -> None:
    server = await make_server(ScriptedProvider(["Hello!"], is_endless=True), limits={"messages": 0})
    other = await server.add_client(plan_type="limited")
    for client in (server.client, other):
        await listen(server, client)
    said = await asyncio.gather(*(server.say("Hi", client=each) for each in (server.client, other) * 25))
    assert {answer.status_code for answer in said} == {429}
    await server.services.once.aclose()
    rows = await server.rows(OutboxEvent)
    assert sorted(row["client_id"] for row in rows) == sorted((server.client.id, other.id))


@pytest.mark.parametrize("event", EVENTS)
def test_the_documentation_has_every_event(event: str) -> None:
    assert f"| `{event}` |" in PAGE.read_text(encoding="utf-8")


def test_the_documented_check_of_a_signature_takes_what_is_signed() -> None:
    import base64
    import time
    from datetime import UTC, datetime

    from csai.outbox.signature import new_secret, signature_headers

    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    is_genuine = names["is_genuine"]
    old, new = new_secret(), new_secret()
    now = datetime.fromtimestamp(time.time(), UTC)
    headers = signature_headers([new, old], message_id="0190a0b0", at=now, body=b"{}")
    assert is_genuine(new, headers, b"{}")
    assert is_genuine(old, headers, b"{}")
    assert not is_genuine(new_secret(), headers, b"{}")
    assert not is_genuine(new, headers, b"{ }")
    assert not is_genuine(new, headers | {"webhook-timestamp": "1"}, b"{}")
    assert len(base64.b64decode(new.removeprefix("whsec_"))) == 32


def test_a_signature_is_that_of_the_specification() -> None:
    """The example that Standard Webhooks' own libraries are tested with."""
    from datetime import UTC, datetime

    from csai.outbox.signature import signature_headers

    headers = signature_headers(
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        at=datetime.fromtimestamp(1614265330, UTC),
        body=b'{"test": 2432232314}',
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
