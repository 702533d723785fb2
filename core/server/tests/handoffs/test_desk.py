"""Teammates look through the client's conversations, take one, answer there and leave it again."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from csai.kit.identifier import new_id
from csai.models import AuditEntry, Conversation, Message
from csai_sdk import event, hookimpl
from csai_testkit.scripted import ScriptedProvider

from tests.support.operator import Operator, sign_in
from tests.support.server import Server, ServerFactory


class Listener:
    def __init__(self) -> None:
        self.heard: list[str] = []

    @hookimpl
    async def handoff(self, event: event.Handoff) -> None:
        self.heard.append(event.state)


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
async def server(make_server: ServerFactory, listener: Listener) -> Server:
    return await make_server(ScriptedProvider(["Hello!"], is_endless=True), plugins={"listener": listener})


@pytest.fixture
async def dana(server: Server) -> Operator:
    return await sign_in(server, email="dana@example.com", role="teammate")


def path_of(server: Server, *more: str) -> str:
    return "/".join((f"/admin/clients/{server.client.id}/conversations", *more))


async def begun(server: Server, **body: Any) -> tuple[Any, str]:
    """The answer, and the conversation's id."""
    answer = (await server.say("Hi", **body)).json()
    (row,) = await server.rows(Conversation, session_id=answer["session_id"])
    return answer, row["id"]


async def act(operator: Operator, conversation: str, what: str, **body: Any) -> httpx.Response:
    return await operator.ask("POST", path_of(operator.server, conversation, what), json=body)


async def test_a_teammate_takes_a_conversation_answers_and_leaves_it(
    server: Server, dana: Operator, listener: Listener
) -> None:
    answer, conversation = await begun(server, user_identifier="ada")
    await server.http.post(
        "/chat/handoff",
        json={"session_id": answer["session_id"], "email": "ada@shop.example"},
        headers=server.as_page(answer),
    )
    (waiting,) = (await dana.get(path_of(server), state="queued"))["conversations"]
    assert (waiting["id"], waiting["visitor"], waiting["email"]) == (conversation, "ada", "ada@shop.example")
    early = await act(dana, conversation, "messages", message="Too early")

    claimed = await act(dana, conversation, "claim", teammate="Dana")
    said = await act(dana, conversation, "messages", message="I am Dana.", message_id="one")
    again = await act(dana, conversation, "messages", message="I am Dana.", message_id="one")
    silent = (await server.say("Thank you", answer)).json()
    released = await act(dana, conversation, "release", to="ai")
    spoken = (await server.say("And now?", answer)).json()

    assert (early.status_code, early.json()["code"]) == (409, "not_taken_over")
    assert (claimed.status_code, claimed.json()["state"], claimed.json()["teammate"]) == (
        200,
        "teammate",
        "Dana",
    )
    assert said.status_code == 200, said.text
    assert (said.json(), said.json()["message"]["author"]) == (again.json(), "teammate")
    assert silent["status"] == "handed_off"
    assert (released.json()["state"], released.json()["teammate"]) == ("ai", None)
    assert spoken["status"] == "completed"
    shown = await dana.get(path_of(server, conversation))
    assert [(each["author"], each["content"]) for each in shown["messages"]] == [
        ("visitor", "Hi"),
        ("ai", "Hello!"),
        ("teammate", "I am Dana."),
        ("visitor", "Thank you"),
        ("visitor", "And now?"),
        ("ai", "Hello!"),
    ]
    assert listener.heard == ["queued", "teammate"]
    entries = [row for row in await server.rows(AuditEntry) if row["action"] == "conversation.state_changed"]
    assert [(row["actor_name"], row["after"]["state"]) for row in entries] == [
        ("dana@example.com", "teammate"),
        ("dana@example.com", "ai"),
    ]


async def test_of_many_who_take_it_at_once_one_has_it(server: Server, dana: Operator) -> None:
    _answer, conversation = await begun(server)

    taken = await asyncio.gather(
        *(act(dana, conversation, "claim", teammate=f"Number {n}") for n in range(10))
    )

    assert sorted(each.status_code for each in taken) == [200] + [409] * 9
    (winner,) = [each.json()["teammate"] for each in taken if each.status_code == 200]
    assert {each.json()["code"] for each in taken if each.status_code == 409} == {"claimed"}
    assert (await act(dana, conversation, "claim", teammate=winner)).status_code == 200
    over = await act(dana, conversation, "claim", teammate="Eve", is_takeover=True)
    assert (over.status_code, over.json()["teammate"]) == (200, "Eve")


async def test_an_ended_conversation_is_nobody_s(server: Server, dana: Operator) -> None:
    answer, conversation = await begun(server)
    await server.http.post(
        "/chat/end", json={"session_id": answer["session_id"]}, headers=server.as_page(answer)
    )

    for what, body in (
        ("claim", {"teammate": "Dana"}),
        ("release", {}),
        ("messages", {"message": "Hello?"}),
    ):
        refused = await act(dana, conversation, what, **body)
        assert (refused.status_code, refused.json()["code"]) == (409, "conversation_ended"), what


async def test_they_are_listed_page_by_page_last_spoken_in_first(server: Server, dana: Operator) -> None:
    begun_ones = [await begun(server) for _ in range(3)]
    await server.say("More", begun_ones[0][0])
    await act(dana, begun_ones[1][1], "claim", teammate="Dana")
    await server.http.post(
        "/chat/end",
        json={"session_id": begun_ones[2][0]["session_id"]},
        headers=server.as_page(begun_ones[2][0]),
    )

    first = await dana.get(path_of(server), limit=2)
    rest = await dana.get(path_of(server), limit=2, before=first["next"])

    ids = [each["id"] for each in (*first["conversations"], *rest["conversations"])]
    assert ids == [begun_ones[0][1], begun_ones[2][1], begun_ones[1][1]]
    assert rest["next"] is None
    for state, expected in (("ai", 0), ("teammate", 1), ("closed", 2)):
        (only,) = (await dana.get(path_of(server), state=state))["conversations"]
        assert (only["id"], only["state"]) == (begun_ones[expected][1], state)


@pytest.mark.parametrize(
    ("what", "body", "code"),
    [
        ("claim", {}, "request_invalid"),
        ("claim", {"teammate": ""}, "request_invalid"),
        ("claim", {"teammate": "x" * 201}, "request_invalid"),
        ("release", {"to": "teammate"}, "request_invalid"),
        ("messages", {"message": " "}, "message_empty"),
        ("messages", {"message": "x" * 16_001}, "message_too_long"),
        ("messages", {"message": "a\x00b"}, "request_invalid"),
    ],
)
async def test_what_cannot_be_is_refused(
    server: Server, dana: Operator, what: str, body: dict[str, Any], code: str
) -> None:
    _answer, conversation = await begun(server)

    refused = await act(dana, conversation, what, **body)

    assert (refused.status_code, refused.json()["code"]) == (422, code)


async def test_another_client_s_conversation_is_not_found(server: Server, dana: Operator) -> None:
    _answer, conversation = await begun(server)
    other = await server.add_client(name="Second")
    ask = f"/admin/clients/{other.id}/conversations"
    refused: dict[str, list[Any]] = {}
    for unknown in (conversation, new_id(), "no-id"):
        for what, body in (
            ("claim", {"teammate": "Dana"}),
            ("release", {}),
            ("messages", {"message": "Hello?"}),
        ):
            answer = await dana.ask("POST", f"{ask}/{unknown}/{what}", json=body)
            refused.setdefault(what, []).append((answer.status_code, answer.json()["detail"]))
        read = await dana.ask("GET", f"{ask}/{unknown}")
        refused.setdefault("read", []).append((read.status_code, read.json()["detail"]))

    for answers in refused.values():
        assert len(set(answers)) == 1
        assert answers[0][0] == 404
    assert (await dana.get(ask))["conversations"] == []
    assert (await dana.ask("GET", ask, params={"before": conversation})).status_code == 422
    assert [row["state"] for row in await server.rows(Conversation)] == ["ai"]
    assert {row["author"] for row in await server.rows(Message)} == {"visitor", "ai"}


async def test_a_viewer_looks_and_says_nothing(server: Server) -> None:
    _answer, conversation = await begun(server)
    viewer = await sign_in(server, role="viewer")

    assert (await viewer.ask("GET", path_of(server, conversation))).status_code == 200
    for what, body in (("claim", {"teammate": "Vi"}), ("release", {}), ("messages", {"message": "Hi"})):
        assert (await act(viewer, conversation, what, **body)).status_code == 403
