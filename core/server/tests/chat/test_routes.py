"""The routes beside sending a message: read back, follow, stop, end."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

import pytest
from csai_sdk import Locale, ToolCall, hookimpl
from csai_testkit.scripted import ScriptedProvider

from tests.support.server import Server, ServerFactory, sse_events
from tests.support.tools import look_up

NAUGHTY = Path(__file__).resolve().parents[5] / "shared" / "vectors" / "strings" / "blns.json"
PROBLEM = "application/problem+json"


async def test_a_conversation_is_read_back_page_by_page(echo_server: Server) -> None:
    answer = (await echo_server.say("0")).json()
    for number in range(1, 55):
        await echo_server.say(str(number), answer)
    headers = {"X-API-Key": echo_server.client.secret_key}
    path = f"/chat/history/{answer['session_id']}"

    first = (await echo_server.http.get(path, headers=headers)).json()
    second = (await echo_server.http.get(path, params={"after": first["next"]}, headers=headers)).json()

    messages = first["messages"] + second["messages"]
    assert (len(first["messages"]), second["next"]) == (100, None)
    assert [m["content"] for m in messages if m["role"] == "user"] == [str(n) for n in range(55)]


async def test_an_ended_conversation_takes_no_more_messages_but_can_be_read(echo_server: Server) -> None:
    answer = (await echo_server.say("Hi")).json()
    headers = {"X-API-Key": echo_server.client.secret_key}
    for _ in range(2):
        ended = await echo_server.http.post(
            "/chat/end", json={"session_id": answer["session_id"]}, headers=headers
        )
        assert ended.json() == {"session_id": answer["session_id"], "status": "ended"}

    refused = await echo_server.say("More", answer)

    assert (refused.status_code, refused.json()["code"]) == (409, "conversation_ended")
    read = await echo_server.http.get(f"/chat/history/{answer['session_id']}", headers=headers)
    assert len(read.json()["messages"]) == 2


async def test_a_repeat_in_an_ended_conversation_still_gets_its_answer(echo_server: Server) -> None:
    answer = (await echo_server.say("Hi")).json()
    original = await echo_server.say("More", answer, key="k-1")
    await echo_server.http.post(
        "/chat/end",
        json={"session_id": answer["session_id"]},
        headers={"X-API-Key": echo_server.client.secret_key},
    )

    assert (await echo_server.say("More", answer, key="k-1")).json() == original.json()


async def test_a_transcript_is_a_text_to_download(echo_server: Server) -> None:
    answer = (await echo_server.say("Hi there")).json()

    text = await echo_server.http.get(
        f"/chat/transcript/{answer['session_id']}", headers=echo_server.as_page(answer)
    )

    assert text.headers["content-type"].startswith("text/plain")
    assert "attachment" in text.headers["content-disposition"]
    assert "Visitor: Hi there" in text.text
    assert "Shop (AI): Hello!" in text.text


async def test_a_turn_can_be_stopped_and_keeps_what_it_said(make_server: ServerFactory) -> None:
    provider = ScriptedProvider(["Hello."], ["So far ", asyncio.Event()], ["Next."])
    server = await make_server(provider)
    answer = (await server.say("one")).json()
    running = asyncio.create_task(server.say("two", answer))
    await provider.called(2)
    await asyncio.sleep(0)

    stopped = await server.http.post(
        "/chat/stop",
        json={"session_id": answer["session_id"]},
        headers={"X-API-Key": server.client.secret_key},
    )

    assert stopped.json()["stopped"] is True
    outcome = (await running).json()
    assert (outcome["status"], outcome["message"]["content"]) == ("stopped", "So far ")
    assert (await server.say("three", answer)).json()["message"]["content"] == "Next."


async def test_a_turn_that_another_process_runs_can_be_stopped_and_followed(
    make_server: ServerFactory,
) -> None:
    provider = ScriptedProvider(["Hello."], ["So far", asyncio.Event()])
    server = await make_server(provider)
    answer = (await server.say("one")).json()
    running = asyncio.create_task(server.say("two", answer))
    await provider.called(2)
    # What makes a turn another process's is that this one's memory does not hold it.
    live = server.services.live
    here, live._by_session, live.streams = live._by_session, {}, {}
    following = asyncio.create_task(
        server.http.get(f"/chat/events/{answer['session_id']}", headers=server.as_page(answer))
    )

    stopped = await server.http.post(
        "/chat/stop",
        json={"session_id": answer["session_id"]},
        headers={"X-API-Key": server.client.secret_key},
    )

    assert stopped.json()["stopped"] is True
    assert (await running).json()["status"] == "stopped"
    ((name, seen),) = sse_events((await following).text)
    assert (name, seen["status"], seen["message"]["content"]) == ("turn.completed", "stopped", "So far")
    live._by_session = here


async def test_stopping_where_nothing_runs_changes_nothing(echo_server: Server) -> None:
    answer = (await echo_server.say("Hi")).json()

    stopped = await echo_server.http.post(
        "/chat/stop",
        json={"session_id": answer["session_id"]},
        headers={"X-API-Key": echo_server.client.secret_key},
    )

    assert stopped.json() == {"session_id": answer["session_id"], "stopped": False}


async def test_the_stream_tells_the_same_story_as_the_answer(make_server: ServerFactory) -> None:
    server = await make_server(
        ScriptedProvider(["A ", ToolCall("c", "look_up", {"order_id": "1"})], ["B ", "C"]), tools=[look_up]
    )
    key = str(uuid4())
    headers = {"X-API-Key": server.client.secret_key, "Idempotency-Key": key}

    streamed = await server.http.post(
        "/chat/message", json={"message": "?"}, headers={**headers, "Accept": "text/event-stream"}
    )
    answer = (await server.http.post("/chat/message", json={"message": "?"}, headers=headers)).json()

    events = sse_events(streamed.text)
    assert streamed.headers["content-type"].startswith("text/event-stream")
    assert [name for name, _ in events if name != "text.delta"] == [
        "turn.started",
        "tool.started",
        "tool.finished",
        "turn.completed",
    ]
    assert "".join(data["text"] for name, data in events if name == "text.delta") == "A \n\nB C"
    assert events[-1][1] == answer
    assert answer["message"]["content"] == "A \n\nB C"
    ids = [line[4:] for line in streamed.text.splitlines() if line.startswith("id: ")]
    assert ids == [f"{answer['turn_id']}:{number}" for number in range(1, len(events) + 1)]


async def test_a_lost_stream_is_resumed_after_the_last_event_seen(make_server: ServerFactory) -> None:
    server = await make_server(ScriptedProvider(["A ", "B ", "C"]))
    headers = server.as_page(Accept="text/event-stream")
    whole = (await server.http.post("/chat/message", json={"message": "?"}, headers=headers)).text
    answer = sse_events(whole)[-1][1]
    turn = answer["turn_id"]

    rest = await server.http.get(
        f"/chat/events/{answer['session_id']}",
        headers=server.as_page(answer, **{"Last-Event-ID": f"{turn}:2"}),
    )

    assert rest.text == "".join(whole.partition(f"id: {turn}:3\n")[1:])


async def test_a_turn_no_longer_remembered_resumes_with_its_end(echo_server: Server) -> None:
    answer = (
        await echo_server.http.post("/chat/message", json={"message": "?"}, headers=echo_server.as_page())
    ).json()
    echo_server.services.live.streams.clear()

    rest = await echo_server.http.get(
        f"/chat/events/{answer['session_id']}",
        headers=echo_server.as_page(answer, **{"Last-Event-ID": f"{answer['turn_id']}:2"}),
    )

    assert sse_events(rest.text) == [("turn.completed", answer)]


async def test_nothing_to_follow_is_no_content(echo_server: Server) -> None:
    answer = (await echo_server.say("Hi")).json()

    idle = await echo_server.http.get(
        f"/chat/events/{answer['session_id']}", headers=echo_server.as_page(answer)
    )

    assert idle.status_code == 204


async def test_a_turn_of_another_session_cannot_be_resumed(echo_server: Server) -> None:
    mine = (await echo_server.say("Hi")).json()
    other = (await echo_server.say("Hi")).json()

    refused = await echo_server.http.get(
        f"/chat/events/{mine['session_id']}",
        headers=echo_server.as_page(mine, **{"Last-Event-ID": f"{other['turn_id']}:1"}),
    )

    assert refused.status_code == 404


async def test_the_widget_is_told_how_to_look(make_server: ServerFactory) -> None:
    server = await make_server(
        ScriptedProvider(), client={"name": "Kettle & Co", "branding": {"primary_color": "#0a7"}}
    )

    answer = await server.http.get("/api/config", headers=server.as_page())
    config = answer.json()

    assert config["client"] == {"name": "Kettle & Co"}
    assert config["branding"] == {"primary_color": "#0a7"}
    assert "x-api-key" in answer.headers["vary"].lower()  # a page may have the chats of two clients


class Spanish(Locale):
    code = "es"

    def matches(self, text: str) -> float:
        return 0.0

    def labels(self) -> Mapping[str, str]:
        return {"send": "Enviar", "channel.limit": "Mañana", "misspelt": "?"}


class Languages:
    @hookimpl
    def register_locales(self) -> list[Locale]:
        return [Spanish()]


@pytest.mark.parametrize(
    ("query", "accepted", "language"),
    [
        ("?lang=es-MX", "en", "es"),
        ("", "fr;q=0.9, es-ES;q=0.8, en;q=0.1", "es"),
        ("", "en-GB, es;q=0.9", "en"),
        ("?lang=fr", "es", "en"),
        ("?lang=en", "es", "en"),
        ("?lang=%3Cscript%3E", "es;q=x, ;;,", "en"),
        ("?lang=", "es", "es"),
        (f"?lang={'x' * 500}", "es", "en"),
    ],
)
async def test_the_widget_is_given_the_words_of_the_language_asked_for(
    make_server: ServerFactory, query: str, accepted: str, language: str
) -> None:
    server = await make_server(ScriptedProvider(), plugins={"languages": Languages()})

    headers = {**server.as_page(), "Accept-Language": accepted}
    answer = await server.http.get(f"/api/config{query}", headers=headers)

    spoken = answer.json()["locale"]
    assert (spoken["language"], spoken["direction"]) == (language, "ltr")
    assert spoken["labels"]["send"] == {"es": "Enviar", "en": "Send message"}[language]
    # What a locale leaves out is English; what is no word of the widget is not sent.
    assert spoken["labels"]["stop"] == "Stop answering"
    assert not {"misspelt", "channel.limit"} & spoken["labels"].keys()
    assert "accept-language" in answer.headers["vary"].lower()


async def test_health_and_readiness_answer(echo_server: Server) -> None:
    assert (await echo_server.http.get("/health")).json()["status"] == "ok"
    assert (await echo_server.http.get("/health/ready")).json()["status"] == "ready"
