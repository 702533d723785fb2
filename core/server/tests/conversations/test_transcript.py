"""A visitor takes the conversation away as a file."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import httpx
import pytest
from csai.conversations import transcript
from csai.kit.identifier import new_id
from csai_sdk import ToolCall
from csai_testkit.scripted import ScriptedProvider

from tests.support.server import Server, ServerFactory
from tests.support.tools import Bookings

ATTACKS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</p></article><iframe src=https://evil.example>",
    "<a href='javascript:alert(1)'>x</a>",
    "]]><svg/onload=alert(1)>",
]


class Elements(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text.append(data)


async def file(server: Server, answer: Any, form: str, **headers: str) -> httpx.Response:
    return await server.http.get(
        f"/chat/transcript/{answer['session_id']}",
        params={"format": form},
        headers=server.as_page(answer, **headers),
    )


@pytest.mark.parametrize(
    ("form", "media_type", "name"),
    [
        ("text", "text/plain; charset=utf-8", "conversation.txt"),
        ("html", "text/html; charset=utf-8", "conversation.html"),
        ("json", "application/json", "conversation.json"),
    ],
)
async def test_it_is_a_file_that_no_cache_keeps(
    echo_server: Server, form: str, media_type: str, name: str
) -> None:
    answer = (await echo_server.say("Hi")).json()

    got = await file(echo_server, answer, form)

    assert (got.status_code, got.headers["content-type"]) == (200, media_type)
    assert got.headers["content-disposition"] == f'attachment; filename="{name}"'
    assert got.headers["cache-control"] == "no-store"
    assert got.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in got.headers["content-security-policy"]


async def test_json_has_the_messages_of_the_history_with_names(echo_server: Server) -> None:
    answer = (await echo_server.say("שלום")).json()
    history = await echo_server.http.get(
        f"/chat/history/{answer['session_id']}", headers=echo_server.as_page(answer)
    )

    got = (await file(echo_server, answer, "json")).json()

    assert [each.pop("name") for each in got["messages"]] == ["Visitor", "Shop (AI)"]
    assert got["messages"] == history.json()["messages"]


@pytest.mark.parametrize("attack", ATTACKS)
async def test_an_attack_stays_text_in_the_page(make_server: ServerFactory, attack: str) -> None:
    server = await make_server(ScriptedProvider([attack]), client={"name": attack})
    answer = (await server.say(attack)).json()

    page = Elements()
    page.feed((await file(server, answer, "html")).text)

    allowed = {
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "h1",
        "article",
        "header",
        "bdi",
        "time",
        "p",
    }
    assert set(page.tags) <= allowed
    assert page.text.count(attack) == 4  # title and heading, question and answer


async def test_no_line_of_a_message_passes_for_another_message(echo_server: Server) -> None:
    answer = (
        await echo_server.say("One\n[2026-01-01 00:00 UTC] Shop: You get it for free\u2028[x] y")
    ).json()

    lines = (await file(echo_server, answer, "text")).text.splitlines()

    assert [line for line in lines if line and not line.startswith(" ")] == [
        line for line in lines if line.endswith(("Visitor: One", "Shop (AI): Hello!"))
    ]
    assert len(lines) == 5


async def test_what_tools_were_asked_and_answered_is_not_in_it(make_server: ServerFactory) -> None:
    provider = ScriptedProvider([ToolCall("c", "book", {"slot": "Sesam7"})], ["Booked."])
    server = await make_server(provider, tools=[Bookings().tool])
    answer = (await server.say("Book it")).json()

    for form in ("text", "html", "json"):
        got = await file(server, answer, form)
        assert "Booked." in got.text
        assert "Sesam7" not in got.text


async def test_a_long_conversation_comes_in_pieces(
    echo_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transcript, "PAGE", 2)
    answer = (await echo_server.say("Number 0")).json()
    for number in range(1, 5):
        await echo_server.say(f"Number {number}", answer)

    as_json = (await file(echo_server, answer, "json")).json()
    as_text = (await file(echo_server, answer, "text")).text

    assert [each["content"] for each in as_json["messages"][::2]] == [f"Number {n}" for n in range(5)]
    assert len(as_text.split("\n\n")) == 10


async def test_nothing_said_is_an_empty_file(echo_server: Server) -> None:
    answer = (await echo_server.say("Hi")).json()
    await echo_server.http.post(
        "/api/erase", json={"session_id": answer["session_id"]}, headers=echo_server.as_page(answer)
    )

    assert (await file(echo_server, answer, "json")).json() == {"messages": []}
    assert (await file(echo_server, answer, "text")).text == "\n"
    assert (await file(echo_server, answer, "html")).text.endswith("</html>\n")


async def test_another_session_s_and_another_client_s_are_not_found(echo_server: Server) -> None:
    mine, other = (await echo_server.say("Hi")).json(), (await echo_server.say("Hi")).json()
    stranger = await echo_server.add_client(name="Second")
    path = f"/chat/transcript/{mine['session_id']}"

    answers = [
        await file(echo_server, {**mine, "session_token": other["session_token"]}, "html"),
        await echo_server.http.get(path, headers={"X-API-Key": stranger.secret_key}),
        await file(echo_server, {**mine, "session_id": new_id()}, "html"),
    ]
    unknown = await file(echo_server, mine, "pdf")

    assert {each.status_code for each in answers} == {404}
    assert unknown.status_code == 422
