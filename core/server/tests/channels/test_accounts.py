"""Setting accounts up over HTTP: secrets stay hidden, and others' accounts are not found."""

from __future__ import annotations

import json

import pytest
from csai.models import AuditEntry, ChannelAccount, ChannelInbound
from csai_testkit.scripted import ScriptedProvider

from tests.support.channel import SECRET, Pigeon, Pigeonry, said, signature
from tests.support.operator import Operator, sign_in
from tests.support.server import ServerFactory


@pytest.fixture
async def operator(make_server: ServerFactory) -> Operator:
    server = await make_server(
        ScriptedProvider(["Hello!"], is_endless=True),
        plugins={"pigeonry": Pigeonry(Pigeon())},
        public_url="https://chat.example.com",
    )
    return await sign_in(server)


def path_of(operator: Operator, account_id: str = "") -> str:
    base = f"/admin/clients/{operator.server.client.id}/channels"
    return f"{base}/{account_id}" if account_id else base


async def create(operator: Operator, **settings: object) -> dict[str, object]:
    body = {"channel": "pigeon", "name": "The coop", "settings": settings}
    answer = await operator.ask("POST", path_of(operator), json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, object] = answer.json()
    return made


async def test_an_account_is_set_up_and_takes_deliveries_at_its_address(operator: Operator) -> None:
    made = await create(operator, secret=SECRET, label="first")
    assert made["webhook_url"] == f"https://chat.example.com{made['webhook_path']}"
    assert (made["settings"], made["secrets"]) == ({"label": "first"}, ["secret"])
    body = json.dumps([said("Hi")]).encode()
    headers = {"x-signature": signature(SECRET, body)}
    http = operator.server.http
    assert (await http.post(str(made["webhook_path"]), content=body, headers=headers)).status_code == 200
    listed = await operator.get(path_of(operator))
    assert [each["id"] for each in listed["accounts"]] == [made["id"]]
    (available,) = listed["available"]
    assert available["settings_schema"]["properties"]["secret"]["writeOnly"] is True


async def test_secrets_are_kept_when_left_out_and_never_shown(operator: Operator) -> None:
    made = await create(operator, secret=SECRET)
    changed = await operator.change(path_of(operator, str(made["id"])), {"settings": {"label": "new"}})
    assert (changed.json()["secrets"], changed.json()["revision"]) == (["secret"], 2)
    cleared = await operator.change(path_of(operator, str(made["id"])), {"settings": {"secret": None}})
    assert cleared.json()["secrets"] == []
    (row,) = await operator.server.rows(ChannelAccount)
    audit = repr(await operator.server.rows(AuditEntry))
    assert SECRET not in f"{row}{audit}{changed.text}{cleared.text}"
    assert "channel.account_changed" in audit


async def test_a_change_of_what_somebody_else_has_changed_is_refused(operator: Operator) -> None:
    path = path_of(operator, str((await create(operator))["id"]))
    assert (await operator.change(path, {"name": "One"}, if_match='"1"')).status_code == 200
    late = await operator.change(path, {"name": "Two"}, if_match='"1"')
    assert (late.status_code, late.json()["code"]) == (412, "changed_meanwhile")
    missing = await operator.ask("PATCH", path, json={"name": "Two"})
    assert missing.status_code == 428


async def test_an_account_that_is_off_takes_nothing(operator: Operator) -> None:
    made = await create(operator, secret=SECRET)
    await operator.change(path_of(operator, str(made["id"])), {"enabled": False})
    body = json.dumps([said("Hi")]).encode()
    headers = {"x-signature": signature(SECRET, body)}
    answer = await operator.server.http.post(str(made["webhook_path"]), content=body, headers=headers)
    assert answer.status_code == 404
    assert await operator.server.rows(ChannelInbound) == []


async def test_another_clients_account_is_like_none(operator: Operator) -> None:
    made = await create(operator, secret=SECRET)
    other = await operator.server.add_client()
    unknown = "01900000-0000-7000-8000-000000000000"
    answers = []
    for account_id in (made["id"], unknown):
        path = f"/admin/clients/{other.id}/channels/{account_id}"
        for method in ("GET", "PATCH", "DELETE"):
            headers = {"If-Match": "*"}
            body = {"json": {"name": "Mine"}} if method == "PATCH" else {}
            answer = await operator.ask(method, path, headers=headers, **body)
            answers.append((answer.status_code, answer.json()["code"], answer.json()["detail"]))
        tried = await operator.ask("POST", f"{path}/test")
        answers.append((tried.status_code, tried.json()["code"], tried.json()["detail"]))
    assert set(answers) == {(404, "not_found", answers[0][2])}
    assert len(await operator.server.rows(ChannelAccount)) == 1


async def test_removing_an_account_takes_its_messages(operator: Operator) -> None:
    made = await create(operator, secret=SECRET)
    body = json.dumps([said("Hi")]).encode()
    headers = {"x-signature": signature(SECRET, body)}
    await operator.server.http.post(str(made["webhook_path"]), content=body, headers=headers)
    answer = await operator.ask("DELETE", path_of(operator, str(made["id"])), headers={"If-Match": '"1"'})
    assert answer.status_code == 204
    assert await operator.server.rows(ChannelInbound) == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"channel": "smoke", "name": "x"}, "channel_unknown"),
        ({"channel": "pigeon", "name": "x", "settings": {"wings": 2}}, "setting_unknown"),
        ({"channel": "pigeon", "name": "x", "settings": {"label": []}}, "setting_invalid"),
        ({"channel": "pigeon", "name": ""}, "request_invalid"),
    ],
)
async def test_what_does_not_fit_is_refused(operator: Operator, body: dict[str, object], code: str) -> None:
    answer = await operator.ask("POST", path_of(operator), json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_an_account_is_tried_as_its_channel_can(operator: Operator) -> None:
    made = await create(operator)
    answer = await operator.ask("POST", f"{path_of(operator, str(made['id']))}/test")
    assert answer.json() == {"is_ok": True, "detail": "This channel cannot be tried: send it a message."}
