"""The shared catalog of tools over HTTP: made, changed and removed, with what its calls came to."""

from __future__ import annotations

import asyncio
from typing import Any

import csai_tool_n8n
import pytest
from csai.models import AuditEntry
from csai.usage.rollup import recompute_day
from csai_sdk import ToolCall
from csai_testkit.scripted import ScriptedProvider

from tests.support.clock import HandClock
from tests.support.operator import Operator, sign_in
from tests.support.server import Server, ServerFactory
from tests.support.tools import look_up

DEFINITION: dict[str, Any] = {
    "description": "Where a parcel is.",
    "parameters_schema": {"type": "object", "properties": {"parcel": {"type": "string"}}},
    "category": "parcels",
    "backend": "n8n",
    "read_only": True,
}
HOOK = "https://n8n.example/webhook/track"
TRACK = {"tool_name": "track", **DEFINITION}


@pytest.fixture
async def server(make_server: ServerFactory) -> Server:
    scripts = [ToolCall("c1", "look_up", {"order_id": "ORD-1"})], ["It is on its way."]
    return await make_server(
        ScriptedProvider(*scripts), tools=[look_up], plugins={"n8n": csai_tool_n8n}, clock=HandClock()
    )


@pytest.fixture
async def operator(server: Server) -> Operator:
    return await sign_in(server)


async def create(operator: Operator, **changes: Any) -> Any:
    return await operator.ask("POST", "/admin/tools", json={**TRACK, **changes})


async def put(operator: Operator, tag: str, **changes: Any) -> Any:
    body, headers = {**DEFINITION, **changes}, {"If-Match": tag}
    return await operator.ask("PUT", "/admin/tools/track", json=body, headers=headers)


async def test_a_tool_is_made_changed_and_removed(server: Server, operator: Operator) -> None:
    made = await create(operator)
    assert made.status_code == 201, made.text
    assert (made.json()["name"], made.json()["calls"], made.json()["clients"]) == ("track", 0, 0)
    changed = await put(operator, made.headers["etag"], description="Where it is.")
    assert changed.status_code == 200, changed.text
    assert (await operator.get("/admin/tools/track"))["description"] == "Where it is."
    removed = await operator.ask("DELETE", "/admin/tools/track", headers={"If-Match": "*"})
    assert removed.json() == {"deleted": "track"}
    assert (await operator.ask("GET", "/admin/tools/track")).status_code == 404
    actions = [row["action"] for row in await server.rows(AuditEntry, object="tool:track")]
    assert actions == ["tool.created", "tool.changed", "tool.deleted"]


async def test_two_admins_do_not_undo_each_others_change(operator: Operator) -> None:
    tag = (await create(operator)).headers["etag"]
    assert (await put(operator, tag, description="One.")).status_code == 200
    assert (await put(operator, tag, description="Other.")).status_code == 412
    assert (await operator.ask("PUT", "/admin/tools/track", json=DEFINITION)).status_code == 428
    assert (await operator.get("/admin/tools/track"))["description"] == "One."


async def test_a_name_is_given_once_also_to_many_at_once(operator: Operator) -> None:
    answers = await asyncio.gather(*(create(operator) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert {answer.json().get("code") for answer in answers} == {None, "tool_exists"}


async def test_of_many_who_change_or_delete_what_they_read_at_once_one_does(operator: Operator) -> None:
    tag = (await create(operator)).headers["etag"]

    answers = await asyncio.gather(
        *(put(operator, tag, description=f"Number {number}.") for number in range(5)),
        operator.ask("DELETE", "/admin/tools/track", headers={"If-Match": tag}),
    )

    assert [answer.status_code for answer in answers].count(200) == 1
    assert {answer.status_code for answer in answers} <= {200, 404, 412}


@pytest.mark.parametrize(
    "changes",
    [
        {"tool_name": "no spaces"},
        {"tool_name": "x" * 65},
        {"backend": "nowhere"},
        {"description": "\x00"},
        {"parameters_schema": {"type": "object", "$ref": "https://example.com/schema.json"}},
        {"parameters_schema": {"type": "object", "properties": {"a": {"pattern": "("}}}},
        {"parameters_schema": {"type": "string"}},
        {"unknown": True},
    ],
)
async def test_what_cannot_be_a_tool_is_refused(operator: Operator, changes: dict[str, Any]) -> None:
    answer = await create(operator, **changes)
    assert answer.status_code == 422, answer.text
    assert "track" not in str(await operator.get("/admin/tools"))


async def test_a_name_is_given_once(operator: Operator) -> None:
    await create(operator)
    answer = await create(operator)
    assert (answer.status_code, answer.json()["code"]) == (409, "tool_exists")


async def test_a_plugins_function_is_changed_by_its_plugin_alone(operator: Operator) -> None:
    answer = await operator.ask("PUT", "/admin/tools/look_up", json=DEFINITION, headers={"If-Match": "*"})
    assert (answer.status_code, answer.json()["code"]) == (409, "tool_of_plugin")
    answer = await operator.ask("DELETE", "/admin/tools/look_up", headers={"If-Match": "*"})
    assert (answer.status_code, answer.json()["code"]) == (409, "tool_of_plugin")


async def test_a_removed_tool_is_gone_from_the_next_turn_on(server: Server, operator: Operator) -> None:
    await create(operator)
    tools = f"/admin/clients/{server.client.id}/tools"
    assert (
        await operator.change(f"{tools}/track", {"enabled": True, "webhook_url": HOOK})
    ).status_code == 200
    assert (await operator.get("/admin/tools/track"))["clients"] == 1
    await operator.ask("DELETE", "/admin/tools/track", headers={"If-Match": "*"})
    assert "track" not in [tool["name"] for tool in (await operator.get(tools))["tools"]]


async def test_calls_are_told_with_who_made_them(server: Server, operator: Operator) -> None:
    await server.say("Where is ORD-1?")
    day = server.services.clock.now().date()
    async with server.services.database.write() as transaction:
        await recompute_day(transaction, server.client.id, day)
    found = await operator.get("/admin/tools/look_up")
    assert (found["calls"], found["success_rate"], found["clients"]) == (1, 1.0, 1)
    assert [user["client_id"] for user in found["users"]] == [server.client.id]
    assert [(each["date"], each["succeeded"]) for each in found["days"]] == [(day.isoformat(), 1)]
    (listed,) = (await operator.get("/admin/tools"))["tools"]
    assert (listed["calls"], listed["p50_ms"]) == (1, found["p50_ms"])


async def test_history_is_read_page_by_page(operator: Operator) -> None:
    await create(operator)
    await put(operator, "*", description="One.")
    first = await operator.get("/admin/tools/track/history", count=1)
    (changed,) = first["events"]
    assert (changed["action"], changed["before"]["description"]) == ("tool.changed", "Where a parcel is.")
    second = await operator.get("/admin/tools/track/history", before=first["next"])
    assert [event["action"] for event in second["events"]] == ["tool.created"]


async def test_a_viewer_reads_and_changes_nothing(server: Server, operator: Operator) -> None:
    viewer = await sign_in(server, email="eve@example.com", role="viewer")
    await viewer.get("/admin/tools")
    assert (await create(viewer)).status_code == 403


@pytest.mark.parametrize(
    ("schema", "path", "said"),
    [
        (7, "", "JSON object"),
        ({"type": "string"}, "", 'set "type" to "object"'),
        ({"type": "object", "properties": {"a": {"type": "strin"}}}, "/properties/a/type", "none of"),
        ({"type": "object", "required": "a"}, "/required", "must be of type array"),
        ({"type": "object", "properties": {"a": {"pattern": "("}}}, "", "the pattern"),
        ({"type": "object", "$ref": "https://example.com/schema.json"}, "", "leads nowhere"),
    ],
)
async def test_a_schema_is_judged_before_it_is_kept(
    operator: Operator, schema: Any, path: str, said: str
) -> None:
    answer = await operator.ask("POST", "/admin/tools/schema", json={"parameters_schema": schema})
    (fault,) = answer.json()["faults"]
    assert fault["path"] == path
    assert said in fault["message"]


async def test_a_schema_that_a_tool_may_have_has_no_faults(operator: Operator) -> None:
    body = {"parameters_schema": DEFINITION["parameters_schema"]}
    assert (await operator.ask("POST", "/admin/tools/schema", json=body)).json() == {"faults": []}
    assert (await operator.get("/admin/tools"))["backends"] == ["n8n"]


async def test_every_place_where_a_schema_is_wrong_is_told(operator: Operator) -> None:
    schema = {"type": "object", "properties": {"a": {"minLength": -1}, "b": {"enum": "x"}}}
    answer = await operator.ask("POST", "/admin/tools/schema", json={"parameters_schema": schema})
    assert [fault["path"] for fault in answer.json()["faults"]] == [
        "/properties/a/minLength",
        "/properties/b/enum",
    ]
