"""Whose records are read is the server's word: a model that writes somebody else's id changes nothing."""

from __future__ import annotations

from typing import Any

import jwt
import pytest
from csai_sdk import Endpoint, ModelRequest, ToolCall
from csai_testkit.scripted import ScriptedProvider

from core.server.tests.integrations.test_integrations import with_systems
from tests.support.operator import Operator
from tests.support.server import Server, ServerFactory
from tests.support.systems import Systems, connect

IDENTITY = "identity-secret-of-at-least-32-bytes"
BOUND: dict[str, Any] = {
    "type": "object",
    "properties": {
        "customer": {"type": "string", "maxLength": 10},
        "number": {"type": "integer"},
        "year": {"type": "integer"},
    },
    "required": ["customer"],
}
PRIVATE: dict[str, Any] = {"parameters_schema": BOUND, "is_private": True}


def stealing(**arguments: Any) -> ToolCall:
    return ToolCall("c", "orders", arguments)


async def identified(server: Server) -> None:
    """From now on the client signs who its visitors are."""
    from csai.models import Client
    from sqlalchemy import update

    client_id = server.client.id
    secret = server.services.keyring.encrypt(IDENTITY, f"client:{client_id}/identity")
    async with server.services.database.write() as transaction:
        await transaction.execute(
            update(Client)
            .where(Client.id == client_id)
            .values(identity_secret=secret, config_version=Client.config_version + 1)
        )


def token(visitor: str) -> str:
    claims = {"sub": visitor, "exp": 4102444800}
    return jwt.encode(claims, IDENTITY, algorithm="HS256")


async def with_private(
    make_server: ServerFactory, *scripts: Any, **body: Any
) -> tuple[Server, Operator, Systems, ScriptedProvider]:
    server, operator, systems, provider = await with_systems(make_server, *scripts)
    await identified(server)
    connected = await connect(operator, place="Valparaiso")
    await connected.endpoint(**(PRIVATE | {"visitor_parameters": ["customer"]} | body))
    await connected.offer()
    return server, operator, systems, provider


@pytest.mark.parametrize(
    "arguments",
    [
        {"year": 2026},
        {"customer": "v-2", "year": 2026},
        {"customer": "v-2", "visitor_id": "v-2", "year": 2026},
        {"visitor_id": "v-2", "year": 2026},
    ],
)
async def test_a_model_that_asks_for_somebody_else_s_records_gets_the_visitor_s(
    make_server: ServerFactory, arguments: dict[str, Any]
) -> None:
    server, _, systems, provider = await with_private(make_server, [stealing(**arguments)], ["There."])

    answer = (await server.say("My orders, I am v-2", user_token=token("v-1"))).json()

    assert answer["status"] == "completed"
    (fetched,) = systems.fetched
    assert (fetched.arguments, fetched.visitor_id) == ({"customer": "v-1", "year": 2026}, "v-1")
    (spec,) = provider.requests[0].tools
    assert "customer" not in str(spec.parameters_schema)


async def test_a_visitor_whom_nobody_vouches_for_reads_nothing(make_server: ServerFactory) -> None:
    server, _, systems, provider = await with_private(
        make_server, [stealing(customer="v-2")], ["Please sign in."]
    )

    await server.say("My orders", user_identifier="v-2")

    assert systems.fetched == []
    (result,) = provider.requests[1].messages[-1].results  # type: ignore[union-attr]
    assert "verified" in result.content


async def test_an_id_that_does_not_fit_the_schema_reads_nothing(make_server: ServerFactory) -> None:
    server, _, systems, provider = await with_private(make_server, [stealing()], ["None."])

    await server.say("My orders", user_token=token("a name far too long"))

    assert systems.fetched == []
    (result,) = provider.requests[1].messages[-1].results  # type: ignore[union-attr]
    assert result.content == "There is nothing of this visitor there."


@pytest.mark.parametrize(
    ("visitor", "bound"),
    [("42", [42]), ("042", []), ("+42", []), ("42.0", []), ("4 2", []), ("٤٢", []), ("-42", [])],
)
async def test_a_number_is_bound_as_a_number_where_it_is_the_same(
    make_server: ServerFactory, visitor: str, bound: list[int]
) -> None:
    """Who is called 042 is not who is called 42."""
    schema = {"type": "object", "properties": {"number": {"type": "integer"}}, "required": ["number"]}
    server, _, systems, _ = await with_private(
        make_server,
        [stealing(number=7)],
        ["There."],
        visitor_parameters=["number"],
        parameters_schema=schema,
    )

    await server.say("My orders", user_token=token(visitor))

    assert [fetched.arguments["number"] for fetched in systems.fetched] == bound


async def test_a_ready_endpoint_becomes_private_when_its_plugin_says_so(make_server: ServerFactory) -> None:
    systems = Systems(ready=[Endpoint("mine", description="Mine.")])
    server, operator, _, _ = await with_systems(
        make_server, [ToolCall("c", "mine", {})], ["No."], systems=systems
    )
    connected = await connect(operator)
    await connected.offer("mine")
    systems.ready = [Endpoint("mine", description="Mine.", is_private=True)]
    await operator.change(connected.path, {"name": "Other"})

    await server.say("Mine")

    assert systems.fetched == []


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"visitor_parameters": ["customer"]}, "is_private"),
        ({"visitor_parameters": ["other"], "is_private": True}, "'other'"),
        ({"parameters_schema": {"type": "object", "properties": {"visitor_id": {}}}}, "visitor_id"),
        ({"url": "bad"}, "not bad"),
        ({"description": ""}, "describe"),
        ({"cache_s": 301}, "cache_s"),
        ({"cache_s": -1}, "cache_s"),
        ({"parameters_schema": {"type": "array"}}, "object"),
        ({"parameters_schema": {"type": "object", "$ref": "https://x.example/s"}}, "parameters_schema"),
        ({"name": "no name"}, "name"),
        ({"description": "a\x00b"}, "stored"),
    ],
)
async def test_an_endpoint_that_cannot_work_is_refused(
    make_server: ServerFactory, body: dict[str, Any], why: str
) -> None:
    _, operator, _, _ = await with_systems(make_server)
    connected = await connect(operator)
    made = {"name": "orders", "description": "An order.", "parameters_schema": BOUND} | body

    answer = await operator.ask("POST", f"{connected.path}/endpoints", json=made)

    assert (answer.status_code, answer.json()["code"]) == (422, "endpoint_invalid")
    assert why in answer.json()["detail"]
    assert (await operator.get(f"{connected.path}/endpoints"))["endpoints"] == []


def endless(call: ToolCall) -> Any:
    """A model that makes the call first thing in every turn."""

    def play(request: ModelRequest) -> list[Any]:
        return ["Done."] if hasattr(request.messages[-1], "results") else [call]

    return play


async def test_two_visitors_never_share_what_is_cached(make_server: ServerFactory) -> None:
    server, operator, systems, _ = await with_systems(make_server)
    await identified(server)
    provider = server.services.registry.providers["scripted"][1]
    assert isinstance(provider, ScriptedProvider)
    connected = await connect(operator)
    await connected.endpoint(**PRIVATE, visitor_parameters=["customer"])
    await connected.endpoint("hours", parameters_schema={"type": "object"})
    for name in ("orders", "hours"):
        await connected.offer(name)
    for name in ("orders", "hours"):
        path = f"/admin/clients/{server.client.id}/tools/{name}/test"
        for visitor in ("v-1", "v-2", "v-1"):
            await operator.ask("POST", path, json={"visitor_id": visitor})

    asked = [(each.endpoint.name, each.visitor_id) for each in systems.fetched]
    assert asked == [("orders", "v-1"), ("orders", "v-2"), ("hours", "v-1"), ("hours", "v-2")]
