"""Clients over HTTP: found, made, changed, switched off; their keys replaced without a gap."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from csai.kit.identifier import new_id
from csai.models import ApiUsage, AuditEntry
from csai_testkit.scripted import ScriptedProvider
from sqlalchemy import insert

from tests.support.operator import Operator, sign_in
from tests.support.server import Server, ServerFactory

CLIENTS = "/admin/clients"


@pytest.fixture
async def server(make_server: ServerFactory) -> Server:
    return await make_server(ScriptedProvider(["Hello!"], is_endless=True))


@pytest.fixture
async def operator(server: Server) -> Operator:
    return await sign_in(server)


async def made(operator: Operator, **body: Any) -> dict[str, Any]:
    answer = await operator.ask("POST", CLIENTS, json={"name": "Kettles", **body})
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def names(operator: Operator, **query: Any) -> list[str]:
    return [each["name"] for each in (await operator.get(CLIENTS, **query))["clients"]]


def own(server: Server, *more: str) -> str:
    return "/".join((CLIENTS, server.client.id, *more))


async def test_a_client_made_over_http_answers_with_its_keys_at_once(
    server: Server, operator: Operator
) -> None:
    told = await made(operator, origins=["https://kettles.example/"])

    config = await server.http.get(
        "/api/config", headers={"X-API-Key": told["publishable_key"], "Origin": "https://kettles.example"}
    )
    profile = await operator.get(f"{CLIENTS}/{told['id']}")

    assert config.json()["client"] == {"name": "Kettles"}
    assert (profile["domain"], profile["origins"]) == ("kettles.example", ["https://kettles.example"])
    assert told["publishable_key"] in told["embed_code"]
    assert told["secret_key"] not in str(profile)


async def test_clients_are_found_by_name_domain_id_and_the_end_of_a_key(operator: Operator) -> None:
    told = await made(operator, domain="teapots.example")
    await made(operator, name="100% Wool_")

    for search in ("kETT", "teapots", told["id"], told["secret_key"][-4:]):
        assert await names(operator, search=search) == ["Kettles"], search
    # What means something to a database means itself here.
    assert await names(operator, search="%") == ["100% Wool_"]
    assert await names(operator, search="_") == ["100% Wool_"]
    assert await names(operator, search="' OR 1=1 --\\") == []
    assert await names(operator, search="\x00") == []


async def test_pages_follow_one_another_whatever_is_made_between_them(operator: Operator) -> None:
    for name in ("Beta", "alpha", "Gamma", "Delta"):
        await made(operator, name=name)
    for sort, expected in (
        ("name", ["alpha", "Beta", "Delta", "Gamma", "Shop"]),
        ("-name", ["Shop", "Gamma", "Delta", "Beta", "alpha"]),
        ("created", ["Shop", "Beta", "alpha", "Gamma", "Delta"]),
        ("-created", ["Delta", "Gamma", "alpha", "Beta", "Shop"]),
        ("activity", ["Shop", "Beta", "alpha", "Gamma", "Delta"]),
    ):
        seen: list[str] = []
        after: dict[str, str] = {}
        while True:
            page = await operator.get(CLIENTS, sort=sort, limit=2, **after)
            seen += [each["name"] for each in page["clients"]]
            if page["next"] is None:
                break
            after = {"after": page["next"]}
        assert seen == expected, sort

    first = await operator.get(CLIENTS, sort="name", limit=2)
    await made(operator, name="Aardvark")
    second = await operator.get(CLIENTS, sort="name", limit=2, after=first["next"])
    assert [each["name"] for each in second["clients"]] == ["Delta", "Gamma"]


async def test_the_list_tells_activity_and_what_was_used_as_counted_by_day(
    server: Server, operator: Operator
) -> None:
    await made(operator)
    await server.say("Hi")
    now = server.services.clock.now()
    counted = {"conversation_count": 3, "message_count": 7, "tool_calls_count": 1}
    async with server.services.database.write() as transaction:
        for days, cost in ((0, 1_500), (40, 9)):
            await transaction.execute(
                insert(ApiUsage).values(
                    client_id=server.client.id,
                    date=(now - timedelta(days=days)).date(),
                    tokens_input=10,
                    tokens_output=5,
                    cost_micros=cost,
                    **counted,
                )
            )

    page = await operator.get(CLIENTS, sort="-activity")
    statistics = await operator.get(own(server, "statistics"))
    shop = next(each for each in page["clients"] if each["name"] == "Shop")
    kettles = next(each for each in page["clients"] if each["name"] == "Kettles")

    assert (shop["conversations"], shop["messages"], shop["cost"]) == (3, 7, "0.001500")
    assert shop["last_activity_at"] is not None
    assert (kettles["last_activity_at"], kettles["messages"]) == (None, 0)
    assert page["counts"] == {"active": 2, "inactive": 0}
    assert (statistics["total"]["messages"], len(statistics["days"])) == (7, 1)


@pytest.mark.parametrize("after", ["x", "W10", "WyJhIiwgImIiXQ", "é", "A" * 3_000])
async def test_what_is_no_cursor_is_refused(operator: Operator, after: str) -> None:
    answer = await operator.ask("GET", CLIENTS, params={"after": after})
    assert (answer.status_code, answer.json()["code"]) == (422, "request_invalid")


async def test_a_cursor_of_another_order_is_refused_where_it_cannot_be(operator: Operator) -> None:
    await made(operator)
    page = await operator.get(CLIENTS, sort="name", limit=1)
    answer = await operator.ask("GET", CLIENTS, params={"sort": "created", "after": page["next"]})
    assert (answer.status_code, answer.json()["code"]) == (422, "request_invalid")


async def test_a_change_names_the_state_it_was_made_on(server: Server, operator: Operator) -> None:
    read = await operator.ask("GET", own(server))
    tag = read.headers["etag"]
    missing = await operator.ask("PATCH", own(server), json={"name": "Kettle & Co"})
    changed = await operator.change(
        own(server),
        {
            "name": " Kettle & Co ",
            "domain": "Kettle.example",
            "origins": ["https://kettle.example:443"],
            "settings": {"tone": "Be brief.", "compression": True, "message_days": 14, "client_rate": 1_000},
        },
        if_match=tag,
    )
    late = await operator.change(own(server), {"name": "Other"}, if_match=tag)
    again = await operator.change(
        own(server), {"settings": {"tone": None, "compression": None}}, if_match=changed.headers["etag"]
    )

    told = changed.json()
    assert (missing.status_code, late.status_code) == (428, 412)
    assert (told["name"], told["domain"], told["origins"]) == (
        "Kettle & Co",
        "kettle.example",
        ["https://kettle.example"],
    )
    settings = told["settings"]
    assert (settings["tone"], settings["compression"], settings["message_days"]) == ("Be brief.", True, 14)
    assert (settings["client_rate"], settings["prompt"], told["defaults"]["message_days"]) == (
        1_000,
        None,
        30,
    )
    assert (again.json()["settings"]["tone"], again.json()["settings"]["message_days"]) == (None, 14)
    actions = [row["action"] for row in await server.rows(AuditEntry, client_id=server.client.id)]
    assert actions.count("client.changed") == 1
    assert actions.count("client.set") == 6


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"name": " "}, "client_name_invalid"),
        ({"domain": "https://shop.example"}, "domain_invalid"),
        ({"origins": ["shop.example"]}, "origin_invalid"),
        ({"settings": {"provider": "nobody"}}, "provider_unknown"),
        ({"settings": {"message_days": 0}}, "request_invalid"),
        ({"plan": "default"}, "request_invalid"),
    ],
)
async def test_what_cannot_be_is_refused_and_changes_nothing(
    server: Server, operator: Operator, body: dict[str, Any], code: str
) -> None:
    before = await operator.get(own(server))
    # The tone would do: all of a change is made, or nothing.
    settings = {"tone": "Be brief.", **body.get("settings", {})}
    answer = await operator.change(own(server), {**body, "settings": settings})
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert await operator.get(own(server)) == before


async def test_a_deactivated_client_is_answered_no_more_until_it_is_activated(
    server: Server, operator: Operator
) -> None:
    switched = await operator.ask("POST", own(server, "deactivate"))
    refused = await server.say("Hi")
    listed = await names(operator, status="inactive")
    await operator.ask("POST", own(server, "deactivate"))
    back = await operator.ask("POST", own(server, "activate"))
    spoken = await server.say("Hi")

    assert (switched.json()["status"], back.json()["status"]) == ("inactive", "active")
    assert (refused.status_code, refused.json()["code"]) == (403, "client_inactive")
    assert (listed, spoken.status_code) == (["Shop"], 200)
    actions = [row["action"] for row in await server.rows(AuditEntry, client_id=server.client.id)]
    assert actions.count("client.deactivated") == 1


async def test_a_clients_own_rate_stands_in_the_installations_place(
    server: Server, operator: Operator
) -> None:
    await operator.change(own(server), {"settings": {"client_rate": 1}})
    first, second = await server.say("Hi"), await server.say("Hi again")
    await operator.change(own(server), {"settings": {"client_rate": None}})
    third = await server.say("And now?")
    assert [each.status_code for each in (first, second, third)] == [200, 429, 200]


async def test_an_old_key_works_beside_the_new_one_until_its_time_is_over(
    server: Server, operator: Operator
) -> None:
    async def status(key: str) -> int:
        return (await server.http.get("/api/config", headers={"X-API-Key": key})).status_code

    told = await made(operator)
    path = f"{CLIENTS}/{told['id']}/keys"
    new = await operator.ask("POST", path, json={"kind": "secret", "overlap_hours": 2})
    keys = (await operator.get(path))["keys"]
    both = await status(told["secret_key"]), await status(new.json()["key"])
    at_once = await operator.ask("POST", path, json={"kind": "secret", "overlap_hours": 0})
    ended = await status(told["secret_key"]), await status(new.json()["key"])
    revoked = await operator.ask("DELETE", f"{path}/{at_once.json()['id']}")
    again = await operator.ask("DELETE", f"{path}/{at_once.json()['id']}")

    assert (new.status_code, both, ended) == (201, (200, 200), (401, 401))
    assert [(each["kind"], each["hint"], each["expires_at"] is None) for each in keys] == [
        ("secret", new.json()["key"][-4:], True),
        ("secret", told["secret_key"][-4:], False),
        ("publishable", told["publishable_key"][-4:], True),
    ]
    assert new.json()["key"] not in str(keys)
    assert await status(at_once.json()["key"]) == 401
    assert (revoked.status_code, again.status_code) == (200, 200)
    audited = await server.rows(AuditEntry, client_id=told["id"])
    assert [row["action"] for row in audited if "key" in row["action"]] == [
        "client.key_made",
        "client.key_made",
        "client.key_revoked",
    ]
    assert at_once.json()["key"] not in str(audited)


async def test_another_clients_key_is_not_found_like_one_that_there_is_not(
    server: Server, operator: Operator
) -> None:
    told = await made(operator)
    (key, *_others) = (await operator.get(f"{CLIENTS}/{told['id']}/keys"))["keys"]
    answers = [
        await operator.ask("DELETE", own(server, "keys", key_id)) for key_id in (key["id"], new_id(), "x")
    ]
    bodies = [{**each.json(), "request_id": ""} for each in answers]
    assert [each.status_code for each in answers] == [404, 404, 404]
    assert bodies[0] == bodies[1] == bodies[2]
    assert (await operator.get(f"{CLIENTS}/{told['id']}/keys"))["keys"][0]["is_valid"]


async def test_an_unknown_client_is_not_found_on_any_route(operator: Operator) -> None:
    for method, path in (
        *(("GET", ""), ("PATCH", ""), ("POST", "/activate"), ("POST", "/deactivate")),
        *(("GET", "/keys"), ("POST", "/keys"), ("DELETE", f"/keys/{new_id()}"), ("GET", "/statistics")),
    ):
        for client in (new_id(), "nothing"):
            answer = await operator.ask(
                method,
                f"{CLIENTS}/{client}{path}",
                json={"kind": "secret"} if path == "/keys" else {},
                headers={"If-Match": "*"},
            )
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), (method, path)


async def test_a_viewer_reads_and_changes_nothing(server: Server) -> None:
    viewer = await sign_in(server, email="viewer@example.com", role="viewer")
    read = await viewer.ask("GET", own(server))
    written = [
        await viewer.ask("POST", CLIENTS, json={"name": "Mine"}),
        await viewer.change(own(server), {"name": "Mine"}),
        await viewer.ask("POST", own(server, "deactivate")),
        await viewer.ask("POST", own(server, "keys"), json={"kind": "secret"}),
        await viewer.ask("DELETE", own(server, "keys", new_id())),
    ]
    assert read.status_code == 200
    assert [each.json()["code"] for each in written] == ["role_insufficient"] * 5
