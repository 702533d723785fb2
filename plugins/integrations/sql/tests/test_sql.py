"""The SQL integration against a real PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import psycopg
import pytest
from csai_integration_sql.integration import SqlIntegration
from csai_integration_sql.settings import SqlSettings
from csai_integration_sql.statement import parse
from csai_sdk import Connection, Endpoint, HttpError, IntegrationError, PluginContext, SettingsError
from csai_testkit.context import KeptResources, PlainTransports, make_context

from plugins.integrations.sql.tests.database import Relay, relayed, shop_schema
from tests.support.services import ServiceUrls

SCHEMA = {"type": "object", "properties": {"id": {"type": "integer"}, "customer": {"type": "string"}}}


@pytest.fixture
async def relay(service_urls: ServiceUrls) -> AsyncIterator[Relay]:
    async with relayed(service_urls) as made:
        yield made


@pytest.fixture
def shop(service_urls: ServiceUrls) -> Iterator[str]:
    with shop_schema(service_urls) as name:
        yield name


@pytest.fixture
async def ctx() -> AsyncIterator[PluginContext]:
    resources = KeptResources()
    yield make_context(resources=resources)
    await resources.aclose()


def endpoint(query: str, *, limit: int = 20, **more: Any) -> Endpoint:
    request = {"query": query, "limit": limit}
    return Endpoint("read", parameters_schema=SCHEMA, request=request, **more)


async def fetch(
    relay: Relay,
    ctx: PluginContext,
    read: Endpoint,
    *,
    visitor_id: str | None = None,
    settings: dict[str, Any] | None = None,
    **arguments: Any,
) -> Any:
    integration = SqlIntegration()
    integration.check_endpoint(read)
    connected = Connection("c", SqlSettings.model_validate(relay.settings | (settings or {})))
    return await integration.fetch(connected, read, arguments, visitor_id=visitor_id, ctx=ctx)


async def test_rows_become_json(relay: Relay, shop: str, ctx: PluginContext) -> None:
    columns = "id, total, made, day, paid, weight, details, tags, code"
    rows = await fetch(relay, ctx, endpoint(f"SELECT {columns} FROM {shop}.orders ORDER BY id"))

    assert rows[0] == {
        "id": 1,
        "total": "19.90",
        "made": "2026-01-02T03:04:05+00:00",
        "day": "2026-01-02",
        "paid": True,
        "weight": 1.5,
        "details": {"a": [1]},
        "tags": ["x", "y"],
        "code": "6ecd8c99-4036-403d-bf84-cf8400f67836",
    }
    assert (rows[1]["weight"], rows[1]["made"]) == ("nan", None)
    with pytest.raises(IntegrationError, match="bytes"):
        await fetch(relay, ctx, endpoint(f"SELECT raw FROM {shop}.orders WHERE id = 1"))


@pytest.mark.parametrize(
    "hostile", ["' OR 1=1 --", "'; DROP TABLE orders; --", "v-1' UNION SELECT 1", "\\", "$1", "%s", ":id"]
)
async def test_a_value_is_never_a_part_of_the_query(
    relay: Relay, shop: str, ctx: PluginContext, hostile: str
) -> None:
    read = endpoint(f"SELECT id, :customer AS said FROM {shop}.orders WHERE customer = :customer")
    echo = endpoint("SELECT :customer::text AS said")

    assert await fetch(relay, ctx, read, customer=hostile) == []
    assert await fetch(relay, ctx, echo, customer=hostile) == [{"said": hostile}]
    assert len(await fetch(relay, ctx, read, customer="v-1")) == 1


async def test_a_private_query_reads_by_the_visitor_whatever_the_arguments_say(
    relay: Relay, shop: str, ctx: PluginContext
) -> None:
    read = endpoint(f"SELECT id FROM {shop}.orders WHERE customer = :visitor_id", is_private=True)

    own = await fetch(relay, ctx, read, visitor_id="v-1")
    asking_for_another = SqlIntegration().fetch(
        Connection("c", SqlSettings.model_validate(relay.settings)),
        read,
        {"visitor_id": "v-2"},
        visitor_id="v-1",
        ctx=ctx,
    )

    assert own == await asking_for_another == [{"id": 1}]
    with pytest.raises(IntegrationError, match="verified"):
        await fetch(relay, ctx, read)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT nextval('{shop}.numbers')",
        "SELECT set_config('default_transaction_read_only', 'off', false), {shop}.add()",
        "SELECT {shop}.add()",
        "SELECT set_config('transaction_read_only', 'off', true), {shop}.add()",
        "WITH made AS (INSERT INTO {shop}.orders (id) VALUES (99) RETURNING id) SELECT id FROM made",
        "WITH gone AS (DELETE FROM {shop}.orders RETURNING id) SELECT * FROM gone",
        "SELECT id INTO {shop}.copied FROM {shop}.orders",
        "SELECT id FROM {shop}.orders FOR UPDATE",
        "SELECT 1 AS a) AS asked; DELETE FROM {shop}.orders; SELECT * FROM (SELECT 1",
        "SELECT lo_from_bytea(0, 'x')",
    ],
)
async def test_nothing_can_be_written(
    relay: Relay, shop: str, ctx: PluginContext, service_urls: ServiceUrls, query: str
) -> None:
    with psycopg.connect(service_urls.database_url.replace("+psycopg", ""), autocommit=True) as admin:
        admin.execute(f"CREATE SEQUENCE {shop}.numbers")
        admin.execute(
            f"CREATE FUNCTION {shop}.add() RETURNS int LANGUAGE sql AS"
            f" $$ INSERT INTO {shop}.orders (id) VALUES (99) RETURNING id $$"
        )

    with pytest.raises((IntegrationError, SettingsError), match=r"cannot be answered|semicolon"):
        await fetch(relay, ctx, endpoint(query.format(shop=shop)))

    assert await fetch(relay, ctx, endpoint(f"SELECT count(*) AS n FROM {shop}.orders")) == [{"n": 2}]


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("DELETE FROM orders", "begins with"),
        ("SELECT 1; SELECT 2", "semicolon"),
        ("SELECT $1", "name parameters"),
        ("SELECT 'open", "quotation"),
        ("SELECT 1 /* open", "comment"),
        ("SELECT :unknown", ":unknown"),
        ("SELECT :visitor_id", "private"),
        ("", "request.query"),
    ],
)
def test_a_query_that_cannot_work_is_refused(query: str, why: str) -> None:
    with pytest.raises(SettingsError, match=why):
        SqlIntegration().check_endpoint(endpoint(query))
    with pytest.raises(SettingsError):
        SqlIntegration().check_endpoint(endpoint("SELECT 1", is_private=True))


def test_parameters_are_found_where_they_are_and_nowhere_else() -> None:
    query = """SELECT ':no', "x:no", $q$ :no ; $q$, E'\\':no', a::text, b[1:2] -- :no
        /* :no /* :no */ */ FROM t WHERE a = :id AND b = :customer OR :id IS NULL;"""

    found = parse({"query": query})

    assert found.names == ("id", "customer")
    assert "a = $1 AND b = $2 OR $1 IS NULL" in found.text
    assert "LIMIT $3" in found.text
    assert ":no /*" not in found.text


def test_a_letter_or_a_dollar_within_a_word_begins_no_literal() -> None:
    query = r"SELECT date'\' AS a, tab$1 AS b, x$q$y AS c FROM t WHERE d = :id AND e = 'it''s :no'"

    assert parse({"query": query}).names == ("id",)


async def test_rows_are_cut_by_the_database(relay: Relay, ctx: PluginContext) -> None:
    read = endpoint("SELECT generate_series(1, 1000000000) AS n", limit=2)

    answer = await fetch(relay, ctx, read)

    assert answer == {"rows": [{"n": 1}, {"n": 2}], "note": "there are more than 2"}


async def test_a_row_too_large_never_leaves_the_database(relay: Relay, shop: str, ctx: PluginContext) -> None:
    """What is sent is in memory before it can be counted; the relay sees what is sent."""
    column = "CASE id WHEN 2 THEN repeat('x', 3000000) ELSE 'short' END AS said"
    read = endpoint(f"SELECT {column} FROM {shop}.orders WHERE id = :id")

    assert await fetch(relay, ctx, read, id=1) == [{"said": "short"}]
    sent = relay.sent_bytes
    with pytest.raises(IntegrationError, match="too large"):
        await fetch(relay, ctx, read, id=2)

    assert relay.sent_bytes - sent < 100_000


async def test_many_rows_that_are_large_together_are_refused(relay: Relay, ctx: PluginContext) -> None:
    read = endpoint("SELECT repeat('x', 900000) AS a, n FROM generate_series(1, 3) AS n")
    texts = endpoint("SELECT array_fill(repeat('x', 3000), ARRAY[100]) AS a FROM generate_series(1, 9)")

    assert [len(row["a"]) for row in await fetch(relay, ctx, read)] == [4_003] * 3
    with pytest.raises(IntegrationError, match="too large"):
        await fetch(relay, ctx, texts)


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("'infinity'::timestamptz", "infinity"),
        ("'-infinity'::date", "-infinity"),
        ("'0044-03-15 BC'::date", "0044-03-15 BC"),
        ("'24:00'::time", "24:00:00"),
        ("ARRAY['infinity'::timestamp]", ["infinity"]),
    ],
)
async def test_a_time_that_python_does_not_have_is_given_as_text(
    relay: Relay, ctx: PluginContext, said: str, read: Any
) -> None:
    assert await fetch(relay, ctx, endpoint(f"SELECT {said} AS found")) == [{"found": read}]


@pytest.mark.parametrize(
    "argument", ["a\x00b", {"a": 1}, ["x", 1], 10**30, True], ids=["nul", "object", "mixed", "large", "bool"]
)
async def test_an_argument_that_does_not_fit_is_not_tried_again(
    relay: Relay, ctx: PluginContext, argument: Any
) -> None:
    with pytest.raises(IntegrationError) as raised:
        await fetch(relay, ctx, endpoint("SELECT :customer::int2 + 1 AS n"), customer=argument)

    assert not raised.value.retryable
    assert await fetch(relay, ctx, endpoint("SELECT 1 AS one")) == [{"one": 1}]


@pytest.mark.parametrize("made", ["repeat('9', 5000)", "repeat('[', 3000) || repeat(']', 3000)"])
async def test_json_that_python_does_not_read_is_said_so(relay: Relay, ctx: PluginContext, made: str) -> None:
    with pytest.raises(IntegrationError, match="understood"):
        await fetch(relay, ctx, endpoint(f"SELECT ({made})::jsonb AS found"))


async def test_two_columns_of_one_name_are_not_made_one(relay: Relay, ctx: PluginContext) -> None:
    with pytest.raises(IntegrationError, match="author"):
        await fetch(relay, ctx, endpoint("SELECT 1 AS a, 2 AS a"))


async def test_a_query_that_takes_long_is_ended_by_the_database(relay: Relay, ctx: PluginContext) -> None:
    read, who = endpoint("SELECT pg_sleep(60) IS NULL AS slept"), endpoint("SELECT pg_backend_pid() AS pid")
    before = await fetch(relay, ctx, who)

    with pytest.raises(IntegrationError, match="too long") as raised:
        await fetch(relay, ctx, read, settings={"statement_timeout_s": 0.05})

    assert raised.value.retryable
    assert await fetch(relay, ctx, who) == before


async def test_connections_are_few_kept_and_closed(relay: Relay, service_urls: ServiceUrls) -> None:
    resources = KeptResources()
    ctx = make_context(resources=resources)
    read = endpoint("SELECT pg_sleep(0.01) IS NULL AS slept")

    await asyncio.gather(*(fetch(relay, ctx, read) for _ in range(10)))
    assert relay.opened == len(relay.open) == 2
    await resources.aclose()

    await asyncio.wait(relay.open, timeout=10) if relay.open else None
    assert not relay.open


async def test_a_broken_connection_is_replaced(
    relay: Relay, ctx: PluginContext, service_urls: ServiceUrls
) -> None:
    (row,) = await fetch(relay, ctx, endpoint("SELECT pg_backend_pid() AS pid"))
    with psycopg.connect(service_urls.database_url.replace("+psycopg", ""), autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(%s, 5000)", [row["pid"]])

    with pytest.raises(IntegrationError) as raised:
        await fetch(relay, ctx, endpoint("SELECT 1 AS one"))

    assert raised.value.retryable
    assert await fetch(relay, ctx, endpoint("SELECT 1 AS one")) == [{"one": 1}]


async def test_what_goes_wrong_is_said_without_query_address_or_data(
    relay: Relay, shop: str, ctx: PluginContext
) -> None:
    said = []
    faults: tuple[tuple[str, dict[str, Any]], ...] = (
        (f"SELECT secret_column FROM {shop}.orders", {}),
        ("SELECT CAST(:customer AS int) AS n", {"customer": "secret words"}),
        ("SELECT 1/0 AS n", {}),
    )
    for query, arguments in faults:
        with pytest.raises(IntegrationError) as raised:
            await fetch(relay, ctx, endpoint(query), **arguments)
        said.append(str(raised.value))
        assert raised.value.__cause__ is None
    for settings in ({"database": "secret_database"}, {"host": "localhost", "port": 1}):
        with pytest.raises(IntegrationError) as raised:
            await fetch(relay, make_context(), endpoint("SELECT 1"), settings=settings)
        said.append(str(raised.value))

    for words in ("secret", shop, "127.0.0.1", "localhost", "SELECT"):
        assert words not in " ".join(said)


class Guarded(PlainTransports):
    """Refuses every address, as the server does those within."""

    async def resolve(
        self, host: str, port: int, *, is_operator_url: bool, timeout_s: float = 10.0
    ) -> list[str]:
        self.asked.append(is_operator_url)
        raise HttpError("that address is not allowed", was_sent=False)


async def test_the_guard_is_asked_for_the_address_and_its_word_holds(relay: Relay) -> None:
    transports = Guarded()

    with pytest.raises(IntegrationError, match="cannot be reached"):
        await fetch(relay, make_context(transports=transports), endpoint("SELECT 1"))

    assert (transports.asked, relay.opened) == ([False], 0)


async def test_no_password_is_sent_and_nothing_read_where_encryption_is_refused(
    relay: Relay, ctx: PluginContext
) -> None:
    with pytest.raises(IntegrationError, match="encryption"):
        await fetch(relay, ctx, endpoint("SELECT 1"), settings={"tls": "verify", "password": "p"})


async def test_a_check_says_what_is_missing_and_what_is_unsafe(relay: Relay, ctx: PluginContext) -> None:
    integration = SqlIntegration()
    empty = await integration.check(Connection("e", SqlSettings()), ctx)
    good = await integration.check(Connection("c", SqlSettings.model_validate(relay.settings)), ctx)

    assert (empty.is_ok, good.is_ok) == (False, True)
    assert "not encrypted" in good.detail
