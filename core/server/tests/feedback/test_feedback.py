"""A visitor says what they think of an answer or of a conversation; the business hears and reads it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest
from csai.kit.identifier import new_id
from csai.models import ClientWebhook, Feedback, OutboxEvent
from csai.privacy.erasure_repository import Subject
from csai.privacy.export import export_of
from csai.privacy.retention import Retention
from csai_testkit.context import FakeClock
from csai_testkit.scripted import ScriptedProvider

from tests.support.operator import sign_in
from tests.support.server import Server, ServerFactory


@pytest.fixture
async def server(make_server: ServerFactory) -> Server:
    return await make_server(ScriptedProvider(["Hello!"], is_endless=True))


async def give(server: Server, answer: Any, **body: Any) -> httpx.Response:
    """As the widget on the client's page does."""
    return await server.http.post(
        "/api/feedback", json={"session_id": answer["session_id"], **body}, headers=server.as_page(answer)
    )


def thumb(answer: Any, which: str, **more: Any) -> dict[str, Any]:
    return {"message_id": answer["message"]["id"], "thumb": which, **more}


async def add_webhook(server: Server) -> None:
    await server.insert(
        ClientWebhook,
        client_id=server.client.id,
        url="https://shop.example/hooks",
        enabled=True,
        secret="",
        previous_secret=None,
        previous_until=None,
        updated_at=server.services.clock.now(),
    )


async def test_a_thumb_is_stored_once_and_may_be_changed(server: Server) -> None:
    await add_webhook(server)
    answer = (await server.say("Hi")).json()

    first = await give(server, answer, **thumb(answer, "down", comment=" Not true. "))
    again = await give(server, answer, **thumb(answer, "down", comment="Not true."))
    changed = await give(server, answer, **thumb(answer, "up"))

    assert first.status_code == 200, first.text
    assert first.json() == again.json()
    assert (first.json()["thumb"], first.json()["rating"], first.json()["comment"]) == (
        "down",
        None,
        "Not true.",
    )
    assert (changed.json()["thumb"], changed.json()["comment"]) == ("up", "")
    (row,) = await server.rows(Feedback)
    assert (row["kind"], row["value"], row["comment"], row["revision"]) == ("answer", 1, "", 2)
    assert (row["about_id"], row["turn_id"]) == (answer["message"]["id"], answer["turn_id"])
    events = [row["payload"] for row in await server.rows(OutboxEvent) if row["event"] == "feedback.given"]
    # Told of each change once, and never in the visitor's words.
    assert events == [
        {
            "session_id": answer["session_id"],
            "message_id": answer["message"]["id"],
            "thumb": "down",
            "rating": None,
            "has_comment": True,
        },
        {
            "session_id": answer["session_id"],
            "message_id": answer["message"]["id"],
            "thumb": "up",
            "rating": None,
            "has_comment": False,
        },
    ]


async def test_many_at_once_leave_one(server: Server) -> None:
    answer = (await server.say("Hi")).json()

    given = await asyncio.gather(*(give(server, answer, rating=4) for _ in range(10)))

    assert {each.status_code for each in given} == {200}
    (row,) = await server.rows(Feedback)
    assert (row["kind"], row["value"], row["revision"]) == ("conversation", 4, 1)


async def test_a_conversation_that_has_ended_can_still_be_rated(server: Server) -> None:
    answer = (await server.say("Hi")).json()
    await server.http.post(
        "/chat/end", json={"session_id": answer["session_id"]}, headers=server.as_page(answer)
    )

    given = await give(server, answer, rating=5, comment="Quick!")

    assert (given.status_code, given.json()["rating"], given.json()["message_id"]) == (200, 5, None)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"rating": 0},
        {"rating": 6},
        {"rating": True},
        {"rating": 3, "thumb": "up"},
        {"thumb": "up"},
        {"message_id": "x"},
        {"message_id": "x", "thumb": "sideways"},
        {"rating": 3, "comment": "x" * 2_001},
        {"rating": 3, "comment": "\x00"},
        {"rating": 3, "stars": 3},
    ],
)
async def test_what_is_no_feedback_is_refused(server: Server, body: dict[str, Any]) -> None:
    answer = (await server.say("Hi")).json()

    refused = await give(server, answer, **body)

    assert refused.status_code == 422
    assert await server.rows(Feedback) == []


async def test_only_answers_of_the_shown_session_take_feedback(server: Server) -> None:
    mine = (await server.say("Hi")).json()
    other = (await server.say("Hi")).json()
    stranger = await server.add_client(name="Second")
    history = await server.http.get(f"/chat/history/{mine['session_id']}", headers=server.as_page(mine))
    own_words = history.json()["messages"][0]["id"]

    refused = [
        await give(server, mine, **thumb(other, "up")),
        await give(server, mine, message_id=own_words, thumb="up"),
        await give(server, mine, message_id=new_id(), thumb="up"),
        await give(server, mine, message_id="no id", thumb="up"),
    ]
    foreign = [
        await give(server, {**mine, "session_token": other["session_token"]}, rating=1),
        await server.http.post(
            "/api/feedback",
            json={"session_id": mine["session_id"], "rating": 1},
            headers={"X-API-Key": stranger.secret_key},
        ),
        await give(server, {**mine, "session_id": new_id()}, rating=1),
    ]

    for group in (refused, foreign):
        assert {each.status_code for each in group} == {404}
        assert len({each.json()["detail"] for each in group}) == 1
    assert await server.rows(Feedback) == []


async def test_a_page_that_gives_too_much_is_slowed_down(server: Server) -> None:
    answer = (await server.say("Hi")).json()

    codes = [(await give(server, answer, rating=1 + number % 5)).status_code for number in range(61)]

    assert set(codes[:60]) == {200}
    assert codes[60] == 429


async def test_an_admin_reads_it_with_the_answers(server: Server) -> None:
    answers = [(await server.say("Hi")).json() for _ in range(3)]
    await give(server, answers[0], **thumb(answers[0], "down", comment="<b>No</b>"))
    await give(server, answers[1], **thumb(answers[1], "up"))
    await give(server, answers[2], rating=4)
    await give(server, answers[1], rating=1)
    operator = await sign_in(server, role="viewer")
    path = f"/admin/clients/{server.client.id}/feedback"

    page = await operator.get(path, limit=3)
    rest = await operator.get(path, limit=3, before=page["next"])
    bad = await operator.get(path, kind="answer", value=-1)

    assert [each["rating"] or each["thumb"] for each in page["feedback"]] == [1, 4, "up"]
    assert [each["thumb"] for each in rest["feedback"]] == ["down"]
    assert rest["next"] is None
    assert rest == bad
    (worst,) = bad["feedback"]
    assert (worst["comment"], worst["author"], worst["answer"]) == ("<b>No</b>", "ai", "Hello!")
    assert await operator.get(f"{path}/summary") == {
        "days": 30,
        "thumbs_up": 1,
        "thumbs_down": 1,
        "ratings": {"1": 1, "2": 0, "3": 0, "4": 1, "5": 0},
        "average_rating": 2.5,
    }


async def test_an_admin_sees_nothing_of_another_client(server: Server) -> None:
    answer = (await server.say("Hi")).json()
    await give(server, answer, rating=4)
    other = await server.add_client(name="Second")
    operator = await sign_in(server)

    mine = await operator.get(f"/admin/clients/{server.client.id}/feedback")
    theirs = await operator.get(f"/admin/clients/{other.id}/feedback", before=mine["feedback"][0]["id"])

    assert theirs == {"feedback": [], "next": None}
    for path in ("feedback", "feedback/summary"):
        unknown = await operator.ask("GET", f"/admin/clients/{new_id()}/{path}")
        assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")


async def test_it_is_exported_and_forgotten_with_its_conversation(server: Server) -> None:
    answer, other = (await server.say("Hi")).json(), (await server.say("Hi")).json()
    await give(server, answer, **thumb(answer, "down", comment="Sesam7"))
    await give(server, other, rating=2, comment="I stay")
    subject = Subject(session_id=answer["session_id"])
    async with server.services.database.read() as connection:
        exported = await export_of(connection, server.client.id, subject)

    erased = await server.http.post(
        "/api/erase", json={"session_id": answer["session_id"]}, headers=server.as_page(answer)
    )

    (conversation,) = exported["conversations"]
    assert [(each["value"], each["comment"]) for each in conversation["feedback"]] == [(-1, "Sesam7")]
    assert erased.json()["status"] == "erased"
    assert [row["comment"] for row in await server.rows(Feedback)] == ["I stay"]
    late = await give(server, answer, rating=1, comment="Sesam7")
    assert (late.status_code, late.json()["code"]) == (409, "nothing_to_rate")


async def test_words_go_with_the_messages_and_the_count_with_the_conversation(
    make_server: ServerFactory,
) -> None:
    clock = FakeClock()
    server = await make_server(ScriptedProvider(["Hello!"], is_endless=True), clock=clock)
    answer = (await server.say("Hi")).json()
    await give(server, answer, **thumb(answer, "down", comment="Sesam7"))
    services = server.services
    retention = Retention(settings=services.settings, database=services.database, clock=clock, archive=None)

    clock.advance(timedelta(days=31).total_seconds())
    first = await retention.run(server.client.id)
    (kept,) = await server.rows(Feedback)
    clock.advance(timedelta(days=60).total_seconds())
    await retention.run(server.client.id)

    assert first["feedback_emptied"] == 1
    assert (kept["value"], kept["comment"]) == (-1, "")
    assert await server.rows(Feedback) == []
