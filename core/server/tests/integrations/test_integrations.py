"""A client's own system is connected, and what it holds is read in a turn."""

from __future__ import annotations

import json
from typing import Any

import pytest
from csai.kit.identifier import new_id
from csai.models import AuditEntry, ClientIntegration, ToolExecution
from csai_sdk import ConnectionCheck, Endpoint, IntegrationError, ToolCall
from csai_testkit.scripted import ScriptedProvider

from tests.support.operator import Operator, sign_in
from tests.support.server import Server, ServerFactory
from tests.support.systems import Connected, Systems, connect
from tests.support.tools import look_up

ASK = ToolCall("c1", "orders", {"order_id": "ORD-1"})


async def with_systems(
    make_server: ServerFactory, *scripts: Any, systems: Systems | None = None, **more: Any
) -> tuple[Server, Operator, Systems, ScriptedProvider]:
    systems = systems or Systems()
    provider = ScriptedProvider(*scripts)
    role = more.pop("role", "owner")
    server = await make_server(provider, plugins={"systems": systems}, **more)
    return server, await sign_in(server, role=role), systems, provider


async def offered(operator: Operator, **settings: Any) -> Connected:
    """A connection with one endpoint, which is on as a tool."""
    connected = await connect(operator, **{"place": "Valparaiso", "key": "k-secret", **settings})
    await connected.endpoint()
    await connected.offer()
    return connected


def told(provider: ScriptedProvider, number: int = 1) -> str:
    """What the model was told of its call."""
    (result,) = provider.requests[number].messages[-1].results  # type: ignore[union-attr]
    return str(result.content)


async def test_a_system_that_is_connected_and_offered_is_read_in_a_turn(make_server: ServerFactory) -> None:
    server, operator, systems, provider = await with_systems(make_server, [ASK], ["It is there."])
    await offered(operator)

    answer = (await server.say("Where is ORD-1?")).json()

    assert answer["message"]["content"] == "It is there."
    assert json.loads(told(provider)) == {
        "place": "Valparaiso",
        "asked": {"order_id": "ORD-1"},
        "number": 1,
    }
    (fetched,) = systems.fetched
    assert fetched.settings.key is not None
    assert fetched.settings.key.get_secret_value() == "k-secret"
    assert fetched.client_id == server.client.id
    (spec,) = provider.requests[0].tools
    assert (spec.name, spec.description, spec.is_read_only) == ("orders", "An order.", True)
    (row,) = await server.rows(ToolExecution)
    assert (row["tool_name"], row["status"]) == ("orders", "succeeded")


async def test_secrets_are_encrypted_and_never_given_back(make_server: ServerFactory) -> None:
    server, operator, _, _ = await with_systems(make_server)
    connected = await offered(operator)

    shown = await operator.get(connected.path)
    listed = await operator.get(connected.path.rpartition("/")[0])
    changed = await operator.change(connected.path, {"settings": {"place": "Reykjavik"}})

    assert shown["settings"] == {"place": "Valparaiso"}
    assert shown["fields"]["key"]["is_set"] is True
    assert listed["available"][0]["settings_schema"]["properties"]["key"]["writeOnly"] is True
    assert changed.json()["fields"]["key"]["is_set"] is True
    for said in (shown, listed, changed.json(), await server.rows(AuditEntry)):
        assert "k-secret" not in str(said)
    (row,) = await server.rows(ClientIntegration)
    assert "k-secret" not in str(dict(row))
    owner = f"client:{server.client.id}/integration:{row['id']}"
    assert json.loads(server.services.keyring.decrypt(row["connection_config"], owner)) == {"key": "k-secret"}


async def test_null_takes_a_setting_back(make_server: ServerFactory) -> None:
    server, operator, _, _ = await with_systems(make_server)
    connected = await offered(operator)

    await operator.change(connected.path, {"settings": {"key": None, "place": None}})

    shown = await operator.get(connected.path)
    assert (shown["settings"], shown["fields"]["key"]["is_set"]) == ({}, False)
    (row,) = await server.rows(ClientIntegration)
    assert row["connection_config"] is None


@pytest.mark.parametrize("what", ["connection", "plugin", "endpoint", "tool", "deleted"])
async def test_what_is_switched_off_is_gone_from_the_next_turn(make_server: ServerFactory, what: str) -> None:
    server, operator, _, provider = await with_systems(make_server, ["Hello."], ["Hello."])
    connected = await offered(operator)
    client = f"/admin/clients/{server.client.id}"
    await server.say("Hi")

    if what == "connection":
        await operator.change(connected.path, {"enabled": False})
    elif what == "plugin":
        await operator.change(f"{client}/plugins/systems", {"enabled": False})
    elif what == "endpoint":
        await operator.ask("DELETE", f"{connected.path}/endpoints/orders", headers={"If-Match": "*"})
    elif what == "tool":
        await operator.change(f"{client}/tools/orders", {"enabled": False})
    else:
        await operator.ask("DELETE", connected.path, headers={"If-Match": "*"})
    await server.say("Hi")

    assert [[spec.name for spec in request.tools] for request in provider.requests] == [["orders"], []]


async def test_the_tools_page_says_what_is_in_the_way(make_server: ServerFactory) -> None:
    server, operator, _, _ = await with_systems(make_server)
    connected = await offered(operator)
    path = f"/admin/clients/{server.client.id}/tools"

    (before,) = (await operator.get(path))["tools"]
    await operator.change(connected.path, {"enabled": False})
    (after,) = (await operator.get(path))["tools"]

    assert (before["backend"], before["plugin"], before["obstacles"]) == ("integration", "systems", [])
    assert "connection is off" in after["obstacles"][0]


async def test_a_tool_takes_no_name_that_there_is(make_server: ServerFactory) -> None:
    _, operator, _, _ = await with_systems(make_server, tools=[look_up])
    connected = await connect(operator)
    await connected.endpoint("look_up")
    await connected.endpoint("orders")
    await connected.offer("orders")
    path = f"{connected.path}/endpoints/look_up/tool"

    for taken in (None, "orders"):
        answer = await operator.ask("PUT", path, json={"tool_name": taken})
        assert (answer.status_code, answer.json()["code"]) == (409, "tool_name_taken")
    answer = await operator.ask("PUT", path, json={"tool_name": "look_there"})
    assert answer.json()["tool"] == {"tool_name": "look_there", "enabled": True}


async def test_a_failure_is_told_to_the_model_and_to_nobody_else(make_server: ServerFactory) -> None:
    systems = Systems(failures=[IntegrationError("There is no such order.")])
    server, operator, _, provider = await with_systems(make_server, [ASK], ["Sorry."], systems=systems)
    await offered(operator)

    answer = (await server.say("Where is ORD-1?")).json()

    assert answer["status"] == "completed"
    assert told(provider) == "There is no such order."
    (row,) = await server.rows(ToolExecution)
    assert row["status"] == "failed"


async def test_an_odd_answer_is_told_and_no_fault_of_the_plugin(make_server: ServerFactory) -> None:
    """A text that was cut within a character, a number that no machine holds, and a nest without end."""
    nest: list[Any] = []
    for _ in range(100_000):
        nest = [nest]
    systems = Systems(answers=[{"note": "Thanks \ud83d"}, {"total": float("inf")}, nest])
    server, operator, _, _ = await with_systems(make_server, systems=systems)
    await offered(operator)
    path, said = f"/admin/clients/{server.client.id}/tools/orders/test", []

    for order in ("1", "2", "3"):
        tried = (await operator.ask("POST", path, json={"arguments": {"order_id": order}})).json()
        said.append((tried["status"], tried["response"]))

    assert said[0] == ("succeeded", '{"note": "Thanks ?"}')
    assert said[1:] == [("failed", "The system's answer could not be understood.")] * 2


async def test_a_ready_endpoint_is_offered_as_the_plugin_describes_it_now(make_server: ServerFactory) -> None:
    systems = Systems(ready=[Endpoint("stock", description="What is in stock.")])
    server, operator, _, provider = await with_systems(
        make_server, [ToolCall("c", "stock", {})], ["Plenty."], ["Hello."], systems=systems
    )
    connected = await connect(operator, place="Valparaiso")

    listed = (await operator.get(f"{connected.path}/endpoints"))["endpoints"]
    await connected.offer("stock")
    await server.say("Is there any?")
    systems.ready = [Endpoint("stock", description="What is in stock today.")]
    await operator.change(connected.path, {"settings": {"mode": "fine"}})
    await server.say("And now?")

    assert [(each["name"], each["is_ready"], each["tool"]) for each in listed] == [("stock", True, None)]
    assert systems.fetched[0].endpoint.name == "stock"
    assert [request.tools[0].description for request in provider.requests[::2]] == [
        "What is in stock.",
        "What is in stock today.",
    ]


async def test_a_test_is_kept_and_what_it_says_holds_no_secret(make_server: ServerFactory) -> None:
    server, operator, systems, _ = await with_systems(make_server)
    connected = await offered(operator)
    said = {}
    outcomes: dict[str, ConnectionCheck | Exception] = {
        "good": ConnectionCheck(True, "It answers."),
        "leaks": ConnectionCheck(False, "k-secret was refused"),
        "raises": RuntimeError("k-secret"),
    }
    for name, outcome in outcomes.items():
        systems.check_outcome = outcome
        answer = await operator.ask("POST", f"{connected.path}/test")
        said[name] = answer.json()

    assert said["good"] == {"is_ok": True, "detail": "It answers."}
    assert said["leaks"] == {"is_ok": False, "detail": "The system refused the connection."}
    assert said["raises"]["is_ok"] is False
    shown = await operator.get(connected.path)
    assert shown["last_sync_test"] is not None
    assert (shown["last_test_ok"], shown["last_test_detail"]) == (False, said["raises"]["detail"])
    assert shown["revision"] == 1
    entries = await server.rows(AuditEntry, action="integration.tested")
    assert [entry["after"]["is_ok"] for entry in entries] == [True, False, False]


async def test_a_connection_whose_plugin_is_off_is_not_tested(make_server: ServerFactory) -> None:
    server, operator, _, _ = await with_systems(make_server)
    connected = await offered(operator)
    await operator.change(f"/admin/clients/{server.client.id}/plugins/systems", {"enabled": False})

    answer = await operator.ask("POST", f"{connected.path}/test")

    assert (answer.status_code, answer.json()["code"]) == (409, "plugin_off")
    assert "plugin systems is off" in (await operator.get(connected.path))["obstacles"][0]


@pytest.mark.parametrize("if_match", [None, '"7"'])
async def test_a_change_names_what_it_was_made_on(make_server: ServerFactory, if_match: str | None) -> None:
    _, operator, _, _ = await with_systems(make_server)
    connected = await offered(operator)
    headers = {"If-Match": if_match} if if_match else {}
    body = {"description": "Another.", "url": "/o"}

    answers = [
        await operator.ask("PATCH", connected.path, json={"enabled": False}, headers=headers),
        await operator.ask("DELETE", connected.path, headers=headers),
        await operator.ask("PUT", f"{connected.path}/endpoints/orders", json=body, headers=headers),
        await operator.ask("DELETE", f"{connected.path}/endpoints/orders", headers=headers),
    ]

    assert {answer.status_code for answer in answers} == {412 if if_match else 428}
    assert (await operator.get(connected.path))["enabled"] is True
    fresh = await operator.ask("PATCH", connected.path, json={}, headers={"If-Match": '"1"'})
    assert (fresh.status_code, fresh.headers["etag"]) == (200, '"2"')


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("PATCH", "", {"enabled": False}),
        ("DELETE", "", None),
        ("POST", "/test", None),
        ("POST", "/consent", None),
        ("POST", "/import", {"document": "{}"}),
        ("GET", "/endpoints", None),
        ("POST", "/endpoints", {"name": "x", "description": "X."}),
        ("GET", "/endpoints/orders", None),
        ("PUT", "/endpoints/orders", {"description": "X."}),
        ("DELETE", "/endpoints/orders", None),
        ("PUT", "/endpoints/orders/tool", {"enabled": False}),
        ("DELETE", "/endpoints/orders/tool", None),
    ],
)
async def test_another_client_s_connection_is_as_unknown_as_none(
    make_server: ServerFactory, method: str, path: str, body: dict[str, Any] | None
) -> None:
    _, operator, systems, _ = await with_systems(make_server, public_url="https://csai.example")
    connected = await offered(operator)
    other = await operator.server.add_client()
    theirs = connected.path.replace(operator.server.client.id, other.id)
    nobody_s = f"{theirs.rpartition('/')[0]}/{new_id()}"
    before = await operator.get(f"{connected.path}/endpoints")

    answers = [
        await operator.ask(method, base + path, json=body, headers={"If-Match": "*"})
        for base in (theirs, nobody_s)
    ]

    assert {answer.status_code for answer in answers} == {404}
    said = [{**answer.json(), "request_id": ""} for answer in answers]
    assert said[0] == said[1]
    assert await operator.get(f"{connected.path}/endpoints") == before
    assert (await operator.get(connected.path))["enabled"] is True
    assert systems.fetched == []


async def test_a_viewer_sees_and_changes_nothing(make_server: ServerFactory) -> None:
    server, operator, _, _ = await with_systems(make_server, role="viewer")
    base = f"/admin/clients/{server.client.id}/integrations"

    made = await operator.ask("POST", base, json={"type": "systems"})

    assert made.status_code == 403
    assert (await operator.get(base))["integrations"] == []
