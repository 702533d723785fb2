"""The operator's list of conversations: filters, words, pages, and whose they are."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from csai.conversations import list_repository
from csai.conversations.list_repository import ConversationFilter, ConversationList
from csai.kit.identifier import new_id
from csai.privacy.erasure_repository import ErasureRepository

from core.server.tests.conversations.listed import LIST, NOW, add
from tests.support.operator import Operator, sign_in
from tests.support.server import Server


async def ids(operator: Operator, **query: Any) -> list[str]:
    return [each["id"] for each in (await operator.get(LIST, **query))["conversations"]]


async def test_a_turn_is_listed_with_what_it_came_to(server: Server, operator: Operator) -> None:
    answer = (await server.say("Hi", user_identifier="ada")).json()

    (item,) = (await operator.get(LIST))["conversations"]

    assert (item["session_id"], item["client_name"], item["visitor"]) == (answer["session_id"], "Shop", "ada")
    assert (item["messages"], item["state"], item["channel"]) == (2, "ai", "api")
    assert item["tokens"] == sum(answer["usage"][name] for name in ("tokens_input", "tokens_output"))
    assert item["last_message"]["text"] == "Hello!"
    assert (item["tool_calls"], item["failed_tool_calls"], item["rating"]) == (0, 0, None)


@pytest.mark.parametrize(
    ("values", "query"),
    [
        ({"state": "queued"}, {"state": "queued"}),
        ({"state": "teammate"}, {"state": "teammate"}),
        ({"ended_at": NOW}, {"state": "closed"}),
        ({"channel": "email"}, {"channel": "email"}),
        ({"tool_call_count": 2}, {"has_tools": "true"}),
        ({"failed_tool_count": 1}, {"failed_tool": "true"}),
        ({"thumbs_down_count": 1}, {"thumbs_down": "true"}),
        ({"rating": 2}, {"rating": 2}),
        ({"user_identifier": "ada"}, {"visitor": "ada"}),
        ({"last_message_at": NOW}, {"since": NOW.isoformat()}),
        ({"last_message_at": NOW - timedelta(days=9)}, {"until": (NOW - timedelta(days=8)).isoformat()}),
    ],
)
async def test_a_filter_finds_what_it_names_and_nothing_else(
    server: Server, operator: Operator, values: dict[str, Any], query: dict[str, Any]
) -> None:
    await add(server, "One")
    wanted = await add(server, "Two", **values)

    assert await ids(operator, **query) == [wanted]
    assert await ids(operator, **query, client_id=server.client.id, q="two") == [wanted]
    assert await ids(operator, **query, client_id=new_id()) == []


async def test_words_are_found_as_people_write_them(server: Server, operator: Operator) -> None:
    kettle = await add(server, "Where is my BLUE-kettle?", "Order 1041/7 from shop.example")
    await add(server, "Where is my teapot?", "blue")

    for search in ("blue kettle", "Kettle", "kett", "blue-KETTLE!", "1041", "shop.example", "example order"):
        assert await ids(operator, q=search) == [kettle], search
    assert await ids(operator, q="kettle 1041") == [], "both words in one message"
    assert len(await ids(operator, q="where is")) == 2


async def test_words_of_other_scripts_are_found(server: Server, operator: Operator) -> None:
    hebrew = await add(server, "איפה ההזמנה שלי")
    accented = await add(server, "Où est ma théière?")

    assert await ids(operator, q="ההזמנה") == [hebrew]
    assert await ids(operator, q="théière") == [accented]


@pytest.mark.parametrize(
    "search",
    [
        "' OR 1=1 --",
        '" OR "',
        "teapot & !blue | <-> :*",
        "own : c words : x",
        "NEAR(a b)",
        "-teapot ^ * ( ) { }",
        "%_\\",
        "AND OR NOT",
        "!!!",
        "🙂",
        "a" * 200,
        "\u202e",
    ],
)
async def test_hostile_search_text_is_only_text(server: Server, operator: Operator, search: str) -> None:
    await add(server, "A blue kettle")

    for query in ({"q": search}, {"q": search, "client_id": server.client.id}, {"visitor": search}):
        answer = await operator.ask("GET", LIST, params=query)
        assert (answer.status_code, answer.json()["conversations"]) == (200, []), query


@pytest.mark.parametrize(
    "query",
    [
        {"q": "\x00"},
        {"visitor": "\x00"},
        {"channel": "\x00"},
        {"client_id": "x"},
        {"state": "open"},
        {"rating": 6},
        {"since": "2026-05-01T00:00:00"},
        {"since": "soon"},
        {"cursor": "x"},
        {"limit": 101},
        {"color": "red"},
    ],
)
async def test_what_is_no_filter_is_refused(operator: Operator, query: dict[str, Any]) -> None:
    answer = await operator.ask("GET", LIST, params=query)

    assert (answer.status_code, answer.json()["code"]) == (422, "request_invalid")


@pytest.mark.parametrize("search", ["", "kettle"])
async def test_pages_hold_every_conversation_once_while_others_are_begun(
    server: Server, operator: Operator, search: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(list_repository, "WALKED", 3)
    # Some of the same time: only the id tells them apart.
    wanted = [await add(server, "A kettle", age_h=1 + number // 3) for number in range(9)]
    for number in range(9):
        await add(server, "A teapot", age_h=1 + number // 3)

    seen: list[str] = []
    times: list[str] = []
    cursor: dict[str, str] = {}
    for _ in range(20):
        page = await operator.get(LIST, q=search, limit=2, **cursor)
        seen += [each["id"] for each in page["conversations"]]
        times += [each["last_message_at"] for each in page["conversations"]]
        await add(server, "A new kettle", age_h=0)
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}

    assert len(seen) == len(set(seen)) == (9 if search else 18)
    assert set(wanted) <= set(seen)
    assert times == sorted(times, reverse=True)


async def test_common_words_and_rare_ones_are_found_alike(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(12):
        await add(server, "A kettle" if number % 2 else "A teapot", age_h=number)

    async def found() -> list[str]:
        async with server.services.database.read() as connection:
            listed = ConversationList(connection, ConversationFilter(search="kettle"))
            return [row.id for row in await listed.page(after=None, count=4)]

    near = await found()
    monkeypatch.setattr(list_repository, "WALKED", 1)

    assert near == await found()
    assert len(near) == 4


async def test_only_conversations_of_the_clients_that_may_be_seen_are_listed(server: Server) -> None:
    other = await server.add_client(name="Other")
    own = await add(server, "A kettle")
    others = await add(server, "A kettle", client=other.id)

    async with server.services.database.read() as connection:
        for search in ("", "kettle"):
            for clients, expected in (
                (frozenset({server.client.id}), [own]),
                (frozenset({other.id}), [others]),
                (frozenset(), []),
                (None, sorted([own, others], reverse=True)),
            ):
                listed = ConversationList(connection, ConversationFilter(clients=clients, search=search))
                assert [row.id for row in await listed.page(after=None, count=9)] == expected
                assert (await listed.get(own) is not None) == (own in expected)


async def test_who_is_bound_to_a_client_meets_no_other_on_any_route(server: Server) -> None:
    other = await server.add_client(name="Other")
    own = await add(server, "A kettle")
    others = await add(server, "A kettle", client=other.id)
    bound = await sign_in(server, email="ben@example.com", client_ids=[server.client.id])

    assert await ids(bound) == await ids(bound, q="kettle") == [own]
    assert await ids(bound, client_id=other.id) == await ids(bound, client_id=new_id()) == []
    file = await bound.ask("GET", f"{LIST}/export")
    assert own in file.text
    assert others not in file.text
    detail = await bound.get(f"{LIST}/{own}")
    assert (detail["previous"], detail["next"]) == (None, None)
    missing = [await bound.ask("GET", f"{LIST}/{each}") for each in (others, new_id())]
    told = [{**each.json(), "request_id": ""} for each in missing]
    assert missing[0].status_code == 404
    assert told[0] == told[1]


async def test_erased_words_are_found_no_more(server: Server, operator: Operator) -> None:
    conversation = await add(server, "A secret kettle")
    assert await ids(operator, q="secret") == [conversation]

    async with server.services.database.write() as transaction:
        await ErasureRepository(transaction, server.client.id).empty([conversation])

    assert await ids(operator, q="secret") == []
    (item,) = (await operator.get(LIST))["conversations"]
    assert item["last_message"] is None
