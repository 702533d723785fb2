"""The operator's list of conversations: filters, words, pages, the file, and what happens meanwhile."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from csai.admins.service import Role
from csai.conversations import list_repository
from csai.conversations.list_feed import PER_ADMIN, ListFeed
from csai.conversations.list_repository import ConversationFilter, ConversationList
from csai.kit.clock import SystemClock
from csai.kit.identifier import new_id
from csai.kit.problem import Problem
from csai.models import AuditEntry, Conversation, Message
from csai.privacy.erasure_repository import ErasureRepository
from csai_testkit.scripted import ScriptedProvider
from sqlalchemy import update

from tests.support.operator import Operator, sign_in
from tests.support.server import Server, ServerFactory

LIST = "/admin/conversations"
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
async def server(make_server: ServerFactory) -> Server:
    return await make_server(ScriptedProvider(["Hello!"], is_endless=True))


@pytest.fixture
async def operator(server: Server) -> Operator:
    return await sign_in(server)


async def add(server: Server, *said: str, client: str | None = None, age_h: float = 1, **values: Any) -> str:
    """A conversation in which this was said; its id."""
    conversation, client_id = new_id(), client or server.client.id
    at = NOW - timedelta(hours=age_h)
    await server.insert(
        Conversation,
        **{
            "id": conversation,
            "client_id": client_id,
            "session_id": new_id(),
            "channel": "widget",
            "started_at": at,
            "last_message_at": at,
            "message_count": len(said),
        }
        | values,
    )
    for seq, content in enumerate(said, 1):
        await server.insert(
            Message,
            id=new_id(),
            client_id=client_id,
            conversation_id=conversation,
            seq=seq,
            role="user",
            author="visitor",
            content=content,
            timestamp=at,
        )
    return conversation


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


async def test_the_file_holds_all_that_fits_and_no_formulas(
    server: Server, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("csai.conversations.export.PAGE", 2)
    for number in range(5):
        await add(server, '=HYPERLINK("http://evil.example")', age_h=number, user_identifier="@SUM(A1)")
    await add(server, "elsewhere", channel="email")

    answer = await operator.ask("GET", f"{LIST}/export", params={"channel": "widget", "q": "hyperlink"})

    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert len(rows) == 5
    assert {row["visitor"] for row in rows} == {"'@SUM(A1)"}
    assert {row["last_message"] for row in rows} == {'\'=HYPERLINK("http://evil.example")'}
    (entry,) = [row for row in await server.rows(AuditEntry) if row["action"] == "conversations.exported"]
    assert entry["after"] == {"channel": "widget", "q": "given"}


async def test_the_file_of_nothing_has_its_names(operator: Operator) -> None:
    answer = await operator.ask("GET", f"{LIST}/export")

    assert answer.text.removeprefix("\ufeff").startswith("id,client_id,")
    assert len(answer.text.splitlines()) == 1


async def test_teammates_and_viewers_read_and_export_nothing(server: Server) -> None:
    roles: tuple[Role, ...] = ("teammate", "viewer")
    for role in roles:
        who = await sign_in(server, email=f"{role}@example.com", role=role)

        assert (await who.ask("GET", LIST)).status_code == 200
        assert (await who.ask("GET", f"{LIST}/export")).status_code == 403


async def test_a_misspelt_filter_exports_nothing(server: Server, operator: Operator) -> None:
    conversation = await add(server, "A kettle")
    for path in ("", "/export", f"/{conversation}"):
        answer = await operator.ask("GET", LIST + path, params={"chanel": "email"})
        assert (answer.status_code, answer.json()["code"]) == (422, "request_invalid"), path


async def test_who_follows_the_list_hears_of_what_begins_and_changes(server: Server) -> None:
    other = await server.add_client(name="Other")
    feed = feed_of(server)
    of_all, of_other = feed.open(None, admin_id="ada"), feed.open(frozenset({other.id}), admin_id="ada")
    assert [await anext(of_all), await anext(of_other)] == [b": following\n\n"] * 2

    begun = (await server.say("Hi")).json()
    assert (await _event(of_all))["session_id"] == begun["session_id"]
    headers = {"X-API-Key": server.client.secret_key}
    await server.http.post("/chat/handoff", json={"session_id": begun["session_id"]}, headers=headers)
    assert (await _event(of_all))["state"] == "queued"
    others = (await server.say("Hi", client=other)).json()
    assert (await _event(of_other))["session_id"] == others["session_id"]

    await end_of(feed, of_all, of_other)


async def test_the_stream_opens_ends_after_a_while_and_is_refused_by_a_server_that_goes(
    server: Server, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("csai.conversations.list_feed.LONGEST_S", 0)
    opened = await operator.ask("GET", f"{LIST}/events")
    assert (opened.status_code, opened.text) == (200, ": following\n\n")
    assert opened.headers["content-type"].startswith("text/event-stream")
    for wrong in ("x", "\x00"):
        assert (await operator.ask("GET", f"{LIST}/events", params={"client_id": wrong})).status_code == 404

    server.services.list_feed.end()

    refused = await operator.ask("GET", f"{LIST}/events")
    assert (refused.status_code, refused.json()["code"]) == (503, "too_many_connections")


async def test_who_follows_one_conversation_hears_of_it_alone_however_old_or_a_test_it_is(
    server: Server,
) -> None:
    quiet = await add(server, "A kettle", age_h=9, is_test=True)
    feed = feed_of(server)
    of_one = feed.open(None, admin_id="ada", conversation_id=quiet)
    of_all = feed.open(None, admin_id="ada")
    assert [await anext(of_one), await anext(of_all)] == [b": following\n\n"] * 2
    assert (await _event(of_one))["id"] == quiet

    begun = (await server.say("Hi")).json()
    async with server.services.database.write() as transaction:
        await transaction.execute(update(Conversation).where(Conversation.id == quiet).values(rating=2))

    told = await _event(of_one)
    assert (told["id"], told["rating"]) == (quiet, 2)
    assert (await _event(of_all))["session_id"] == begun["session_id"]
    assert quiet.encode() not in await end_of(feed, of_all)
    await end_of(feed, of_one)


async def test_one_conversation_is_followed_by_those_alone_who_may_read_it(server: Server) -> None:
    other = await server.add_client(name="Other")
    others = await add(server, "A kettle", client=other.id)
    bound = await sign_in(server, email="ben@example.com", client_ids=[server.client.id])

    asked = [
        await bound.ask("GET", f"{LIST}/events", params={"conversation_id": each})
        for each in (others, new_id(), "x")
    ]

    assert {answer.status_code for answer in asked} == {404}
    assert len({json.dumps({**answer.json(), "request_id": ""}) for answer in asked}) == 1


async def test_one_admin_leaves_room_for_others(server: Server) -> None:
    feed = feed_of(server, most=PER_ADMIN + 1)
    streams = [feed.open(None, admin_id="ada") for _ in range(PER_ADMIN)]
    for stream in streams:
        await anext(stream)

    with pytest.raises(Problem) as refused:
        feed.open(None, admin_id="ada")
    assert refused.value.status == 429
    streams.append(feed.open(None, admin_id="ben"))
    await anext(streams[-1])
    with pytest.raises(Problem) as full:
        feed.open(None, admin_id="cas")
    assert full.value.status == 503

    await end_of(feed, *streams)


async def end_of(feed: ListFeed, *streams: AsyncIterator[bytes]) -> bytes:
    """What the streams still told."""
    await feed.aclose()
    return b"".join([piece for stream in streams async for piece in stream])


def feed_of(server: Server, *, most: int = 100) -> ListFeed:
    return ListFeed(database=server.services.database, clock=SystemClock(), most=most)


async def _event(stream: AsyncIterator[bytes]) -> dict[str, Any]:
    """The last one of the next piece that holds any."""
    async for piece in stream:
        if piece.startswith(b"event: "):
            name, data = piece.decode().strip().split("\n\n")[-1].split("\n")
            assert name == "event: conversation.changed"
            told: dict[str, Any] = json.loads(data.removeprefix("data: "))
            return told
    raise AssertionError("the stream has ended")
