"""What a client has switched off is not merely hidden from its visitors: it is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from csai.models import Conversation, Feedback
from csai_testkit.scripted import ScriptedProvider

from tests.support.operator import Operator, sign_in
from tests.support.server import Server, ServerFactory

OFFERS = ("handoff", "email_follow_up", "feedback", "rating", "transcript")


@pytest.fixture
async def server(make_server: ServerFactory) -> Server:
    return await make_server(ScriptedProvider(["Hello!"], is_endless=True))


@pytest.fixture
async def operator(server: Server) -> Operator:
    return await sign_in(server)


async def switch_off(operator: Operator, *offers: str) -> None:
    path = f"/admin/clients/{operator.server.client.id}/branding"
    switches = dict.fromkeys(offers, False)
    changed = await operator.ask("PUT", path, json=switches, headers={"If-Match": "*"})
    assert changed.status_code == 200, changed.text


async def use(server: Server, answer: Any, offer: str, headers: Mapping[str, str]) -> httpx.Response:
    session = {"session_id": answer["session_id"]}
    if offer == "transcript":
        return await server.http.get(f"/chat/transcript/{answer['session_id']}", headers=dict(headers))
    path, more = {
        "handoff": ("/chat/handoff", {}),
        "email_follow_up": ("/chat/handoff", {"email": "ada@example.com"}),
        "feedback": ("/api/feedback", {"message_id": answer["message"]["id"], "thumb": "up"}),
        "rating": ("/api/feedback", {"rating": 5}),
    }[offer]
    return await server.http.post(path, json={**session, **more}, headers=dict(headers))


@pytest.mark.parametrize("offer", OFFERS)
async def test_what_is_switched_off_is_refused_to_a_page_and_changes_nothing(
    server: Server, operator: Operator, offer: str
) -> None:
    answer = (await server.say("Hi")).json()
    await switch_off(operator, offer)

    refused = await use(server, answer, offer, server.as_page(answer))

    assert (refused.status_code, refused.json()["code"], refused.json()["offer"]) == (
        403,
        "not_offered",
        offer,
    )
    assert await server.rows(Feedback) == []
    (conversation,) = await server.rows(Conversation)
    assert (conversation["state"], conversation["contact_email"]) == ("ai", None)


@pytest.mark.parametrize("offer", OFFERS)
async def test_the_other_switches_do_not_matter_and_neither_do_any_to_the_client_s_server(
    server: Server, operator: Operator, offer: str
) -> None:
    answer = (await server.say("Hi")).json()
    needed = {offer, "handoff"} if offer == "email_follow_up" else {offer}
    await switch_off(operator, *(each for each in OFFERS if each not in needed))
    by_page = await use(server, answer, offer, server.as_page(answer))
    await switch_off(operator, *OFFERS)
    by_server = await use(server, answer, offer, {"X-API-Key": server.client.secret_key})
    assert (by_page.status_code, by_server.status_code) == (200, 200)


async def test_a_session_that_is_not_the_visitor_s_is_unknown_also_where_it_is_switched_off(
    server: Server, operator: Operator
) -> None:
    answer = (await server.say("Hi")).json()
    await switch_off(operator, *OFFERS)
    for offer in OFFERS:
        refused = await use(server, answer, offer, server.as_page())
        assert (refused.status_code, refused.json()["code"]) == (404, "not_found"), offer
