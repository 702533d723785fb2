"""An admin looks at a client's tools, switches and tries them, and reads what their calls came to."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from csai.kit.identifier import new_id
from csai.models import AuditEntry, LedgerEntry, ToolExecution
from csai.tools.repository import Catalog
from csai_sdk import ToolCall, ToolError, tool
from csai_testkit.scripted import ScriptedProvider

from tests.support.operator import Operator, sign_in
from tests.support.server import Server, ServerFactory
from tests.support.tools import Bookings, look_up


@tool(private=True, read_only=True)
def my_orders() -> str:
    """The visitor's own."""
    return "ORD-1"


@tool(read_only=True)
def broken() -> str:
    """Fails."""
    raise ToolError("The shop is closed.")


async def with_operator(make_server: ServerFactory, *scripts: Any, **more: Any) -> tuple[Server, Operator]:
    tools = [look_up, my_orders, broken, *more.pop("tools", ())]
    server = await make_server(ScriptedProvider(*scripts), tools=tools)
    return server, await sign_in(server, **more)


def path_of(operator: Operator) -> str:
    return f"/admin/clients/{operator.server.client.id}/tools"


async def shown(operator: Operator, name: str) -> dict[str, Any]:
    tools: list[dict[str, Any]] = (await operator.get(path_of(operator)))["tools"]
    return next(tool for tool in tools if tool["name"] == name)


async def attempt(operator: Operator, name: str, body: dict[str, Any] | None = None) -> Any:
    path = f"/admin/clients/{operator.server.client.id}/tools/{name}/test"
    return await operator.ask("POST", path, json=body or {})


async def test_a_tool_is_tried_as_a_turn_would_run_it(make_server: ServerFactory) -> None:
    server, operator = await with_operator(make_server)

    answer = await attempt(operator, "look_up", {"arguments": {"order_id": "ORD-1"}})

    assert answer.status_code == 200
    assert answer.json()["status"] == "succeeded"
    assert '"shipped"' in answer.json()["response"]
    assert await server.rows(ToolExecution) == []
    assert await server.rows(LedgerEntry) == []
    (entry,) = await server.rows(AuditEntry, action="tool.tried")
    assert (entry["object"], entry["after"]["status"]) == ("tool:look_up", "succeeded")
    assert "ORD-1" not in str(dict(entry))


async def test_what_a_tool_says_of_its_failure_is_shown(make_server: ServerFactory) -> None:
    _, operator = await with_operator(make_server)

    answer = await attempt(operator, "broken")

    assert answer.json() | {"duration_ms": 0} == {
        "status": "failed",
        "response": "The shop is closed.",
        "duration_ms": 0,
    }


@pytest.mark.parametrize(
    ("name", "body", "status", "code"),
    [
        ("look_up", {"arguments": {}}, 422, "arguments_invalid"),
        ("look_up", {"arguments": {"order_id": "a\x00"}}, 422, "arguments_invalid"),
        ("look_up", {"arguments": []}, 422, "request_invalid"),
        ("my_orders", {}, 422, "visitor_missing"),
        ("nothing", {}, 404, "tool_not_usable"),
        ("book", {"arguments": {"slot": "9:00"}}, 409, "side_effect"),
    ],
)
async def test_what_cannot_be_tried_is_refused(
    make_server: ServerFactory, name: str, body: dict[str, Any], status: int, code: str
) -> None:
    bookings = Bookings()
    _, operator = await with_operator(make_server, tools=[bookings.tool])

    answer = await attempt(operator, name, body)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert bookings.made == []


async def test_a_side_effect_happens_when_it_is_asked_for(make_server: ServerFactory) -> None:
    bookings = Bookings()
    _, operator = await with_operator(make_server, tools=[bookings.tool])

    answer = await attempt(operator, "book", {"arguments": {"slot": "9:00"}, "may_act": True})

    assert answer.json()["status"] == "succeeded"
    assert bookings.made == ["9:00"]


async def test_a_private_tool_is_tried_as_some_visitor(make_server: ServerFactory) -> None:
    _, operator = await with_operator(make_server)

    answer = await attempt(operator, "my_orders", {"visitor_id": "v-1"})

    assert answer.json()["response"] == "ORD-1"


async def test_a_viewer_tries_and_switches_nothing(make_server: ServerFactory) -> None:
    server, operator = await with_operator(make_server, role="viewer")
    path = f"/admin/clients/{server.client.id}/tools"

    tried = await attempt(operator, "look_up", {"arguments": {"order_id": "ORD-1"}})
    switched = await operator.change(f"{path}/look_up", {"enabled": False})

    assert (tried.status_code, switched.status_code) == (403, 403)
    assert (await operator.get(path))["tools"]


async def test_a_switched_off_tool_is_gone_from_the_next_turn(make_server: ServerFactory) -> None:
    server, operator = await with_operator(make_server, ["Hello."], ["Hello."])
    path = f"/admin/clients/{server.client.id}/tools"
    provider = server.services.registry.providers["scripted"][1]
    assert isinstance(provider, ScriptedProvider)
    await server.say("Hi")

    changed = await operator.change(f"{path}/look_up", {"enabled": False})
    await server.say("Hi")

    assert (changed.status_code, changed.json()["enabled"]) == (200, False)
    first, second = ({spec.name for spec in request.tools} for request in provider.requests)
    assert first - second == {"look_up"}
    (entry,) = await server.rows(AuditEntry, action="tool.switched")
    assert entry["actor_name"] == "ada@example.com"


async def test_of_two_admins_who_change_the_same_one_hears_it(make_server: ServerFactory) -> None:
    _, operator = await with_operator(make_server)
    path = f"{path_of(operator)}/look_up"
    seen, other = await shown(operator, "look_up"), await shown(operator, "my_orders")

    first = await operator.change(path, {"timeout_s": 5.0}, if_match=f'"{seen["tag"]}"')
    second = await operator.change(path, {"enabled": False}, if_match=f'"{seen["tag"]}"')
    blind = await operator.ask("PATCH", path, json={"enabled": False})

    now = await shown(operator, "look_up")
    assert (first.status_code, first.headers["ETag"]) == (200, f'"{now["tag"]}"')
    assert (second.status_code, second.json()["code"]) == (412, "changed_meanwhile")
    assert second.headers["ETag"] == first.headers["ETag"]
    assert (blind.status_code, blind.json()["code"]) == (428, "if_match_missing")
    assert (now["enabled"], now["timeout_s"]) == (True, 5.0)
    assert now["tag"] != seen["tag"]
    assert (await shown(operator, "my_orders"))["tag"] == other["tag"]


async def test_of_changes_at_once_one_is_made(make_server: ServerFactory) -> None:
    _, operator = await with_operator(make_server)
    path, seen = f"{path_of(operator)}/look_up", await shown(operator, "look_up")

    answers = await asyncio.gather(
        *(
            operator.change(path, {"timeout_s": float(seconds)}, if_match=f'"{seen["tag"]}"')
            for seconds in range(1, 9)
        )
    )

    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 7


async def test_a_shared_tool_that_changes_is_to_be_looked_at_again(make_server: ServerFactory) -> None:
    server, operator = await with_operator(make_server)
    seen = await shown(operator, "look_up")
    async with server.services.database.write() as transaction:
        await Catalog(transaction).update("look_up", description="Looks up, and tells all.")

    path = f"{path_of(operator)}/look_up"
    late = await operator.change(path, {"enabled": True}, if_match=f'"{seen["tag"]}"')

    assert (late.status_code, late.json()["code"]) == (412, "changed_meanwhile")


async def test_a_tool_s_statistics_stand_beside_it(make_server: ServerFactory) -> None:
    server, operator = await with_operator(
        make_server,
        [ToolCall("a", "look_up", {"order_id": "1"}), ToolCall("b", "look_up", {})],
        ["There."],
    )
    await server.say("Where?")

    listed = await operator.get(f"/admin/clients/{server.client.id}/tools")

    by_name = {each["name"]: each for each in listed["tools"]}
    assert (by_name["look_up"]["calls"], by_name["look_up"]["success_rate"]) == (2, 1.0)
    assert by_name["look_up"]["mean_ms"] is not None
    assert (by_name["broken"]["calls"], by_name["broken"]["success_rate"]) == (0, None)


async def test_calls_are_read_page_by_page_newest_first(make_server: ServerFactory) -> None:
    calls = [ToolCall(str(n), "look_up", {"order_id": f"ORD-{n}"}) for n in range(4)]
    server, operator = await with_operator(make_server, [*calls, ToolCall("x", "broken", {})], ["Done."])
    answer = (await server.say("All of them")).json()
    path = f"/admin/clients/{server.client.id}/tool-calls"

    first = await operator.get(path, tool="look_up", count=3)
    rest = await operator.get(path, tool="look_up", count=3, before=first["next"])
    failed = await operator.get(path, status="failed")

    assert len(first["calls"]) == 3
    assert rest["next"] is None
    found = [call["arguments"]["order_id"] for call in (*first["calls"], *rest["calls"])]
    assert sorted(found) == ["ORD-0", "ORD-1", "ORD-2", "ORD-3"]
    assert {call["session_id"] for call in first["calls"]} == {answer["session_id"]}
    assert [call["tool_name"] for call in failed["calls"]] == ["broken"]


@pytest.mark.parametrize("path", ["tools", "tool-calls", "tools/look_up/test"])
async def test_an_unknown_client_is_not_found(make_server: ServerFactory, path: str) -> None:
    _, operator = await with_operator(make_server)
    method = "POST" if path.endswith("test") else "GET"

    for client_id in (new_id(), "nobody"):
        answer = await operator.ask(
            method, f"/admin/clients/{client_id}/{path}", json={} if method == "POST" else None
        )
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_another_client_s_calls_are_not_among_them(make_server: ServerFactory) -> None:
    server, operator = await with_operator(
        make_server, [ToolCall("a", "look_up", {"order_id": "1"})], ["There."]
    )
    await server.say("Where?")
    other = await server.add_client()

    assert (await operator.get(f"/admin/clients/{other.id}/tool-calls"))["calls"] == []
    listed = await operator.get(f"/admin/clients/{other.id}/tools")
    assert {each["calls"] for each in listed["tools"]} == {0}
