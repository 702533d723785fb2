"""An operator sets a client's webhook and looks after its deliveries, with commands."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from csai.cli import app
from csai.database import Database
from csai.kit.clock import SystemClock
from csai.models import AuditEntry, ClientWebhook, OutboxEvent
from csai.outbox.event import Outbox
from sqlalchemy import update
from typer.testing import CliRunner, Result

from tests.support.backend import Backend
from tests.support.history import all_rows
from tests.support.receiver import Receiver, receiving

SECRET = "0123456789abcdef0123456789abcdef"
URL = "https://shop.example/hook"


class Operator:
    """Runs commands on one database, where a client is."""

    def __init__(self, backend: Backend) -> None:
        self._url = backend.database_url
        self.variables = {"CSAI_DATABASE_URL": backend.database_url, "CSAI_SECRET_KEYS": SECRET}
        self.client_id = json.loads(self.do("client", "create", "Shop", "--json"))["client_id"]

    def csai(self, *arguments: str, stdin: str | None = None, **variables: str) -> Result:
        environment = {**self.variables, "COLUMNS": "200", **variables}
        return CliRunner().invoke(app, list(arguments), env=environment, input=stdin)

    def do(self, *arguments: str, stdin: str | None = None, **variables: str) -> str:
        ended = self.csai(*arguments, stdin=stdin, **variables)
        assert ended.exit_code == 0, ended.output + ended.stderr
        return ended.stdout

    def rows(self, model: Any) -> list[Any]:
        async def work() -> list[Any]:
            database = Database(self._url)
            rows = await all_rows(database, model)
            await database.close()
            return rows

        return asyncio.run(work())

    def tell(self, *keys: str) -> None:
        async def work() -> None:
            database = Database(self._url)
            outbox = Outbox(SystemClock())
            for key in keys:
                await database.transact(
                    outbox.event(self.client_id, "conversation.ended", {"session_id": key}, key)
                )
            async with database.write() as transaction:
                await transaction.execute(update(OutboxEvent).values(status="failed", last_error="HTTP 500"))
            await database.close()

        asyncio.run(work())


@pytest.fixture
def operator(backend: Backend, here: Path) -> Operator:
    return Operator(backend)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def test_the_secret_is_shown_once_and_not_stored_readably(operator: Operator) -> None:
    set_up = json.loads(operator.do("client", "webhook", "Shop", "--url", "@-", "--json", stdin=f"{URL}\n"))
    assert (set_up["url"], set_up["enabled"]) == (URL, True)
    assert set_up["secret"].startswith("whsec_")
    (stored,) = operator.rows(ClientWebhook)
    assert set_up["secret"] not in str(dict(stored))
    again = operator.do("client", "webhook", "Shop") + operator.do("client", "webhook", "Shop", "--url", URL)
    assert URL in again
    assert "whsec_" not in again
    rotated = operator.do("client", "webhook", "Shop", "--rotate-secret")
    assert "whsec_" in rotated
    assert set_up["secret"] not in rotated
    audited = [row for row in operator.rows(AuditEntry) if row["action"] == "webhook.set"]
    assert [(row["actor"], row["before"], row["after"]["is_new_secret"]) for row in audited] == [
        ("cli", None, True),
        ("cli", {"enabled": True}, False),
        ("cli", {"enabled": True}, True),
    ]
    assert "whsec_" not in str(audited)
    assert URL not in str(audited)


def test_a_webhook_is_switched_off_and_on_with_its_address_and_secret_kept(operator: Operator) -> None:
    operator.do("client", "webhook", "Shop", "--url", URL)
    (before,) = operator.rows(ClientWebhook)
    assert "is off" in operator.do("client", "webhook", "Shop", "--off")
    assert URL in operator.do("client", "webhook", "Shop", "--on")
    (after,) = operator.rows(ClientWebhook)
    assert (after["url"], after["secret"], after["enabled"]) == (URL, before["secret"], True)


@pytest.mark.parametrize("arguments", [(), ("--on",), ("--rotate-secret",), ("--test",)])
def test_without_an_address_the_operator_is_told_how_to_give_one(
    operator: Operator, arguments: tuple[str, ...]
) -> None:
    refused = operator.csai("client", "webhook", "Shop", *arguments)
    assert refused.exit_code == 2
    assert "csai client webhook CLIENT --url" in refused.stderr


def test_an_address_inside_is_refused_with_the_way_to_allow_it(
    operator: Operator, receiver: Receiver
) -> None:
    url = f"{receiver.url}/hook"
    refused = operator.csai("client", "webhook", "Shop", "--url", url)
    assert refused.exit_code == 2
    assert "CSAI_EGRESS_ALLOW" in refused.stderr
    shown = operator.do("client", "webhook", "Shop", "--url", url, CSAI_EGRESS_ALLOW="127.0.0.0/8")
    assert "https keeps it private" in shown


def test_a_test_says_what_is_answered(operator: Operator, receiver: Receiver) -> None:
    allowed = {"CSAI_EGRESS_ALLOW": "127.0.0.0/8"}
    made = operator.do("client", "webhook", "Shop", "--url", f"{receiver.url}/hook", "--json", **allowed)
    secret = json.loads(made)["secret"]
    assert "The test was taken." in operator.do("client", "webhook", "Shop", "--test", **allowed)
    (request,) = receiver.requests
    assert request.is_signed_with(secret)
    assert (request.json["type"], request.json["data"]) == ("webhook.test", {})
    receiver.answer("/hook", 500)
    refused = operator.csai("client", "webhook", "Shop", "--test", "--json", **allowed)
    assert refused.exit_code == 1
    assert json.loads(refused.stdout)["test"] == {"success": False, "status": 500, "error": "HTTP 500"}
    inside = operator.csai("client", "webhook", "Shop", "--test")
    assert inside.exit_code == 1
    assert "this address may not be reached" in inside.stdout
    assert len(receiver.requests) == 2


def test_deliveries_are_listed_and_one_is_sent_again(operator: Operator) -> None:
    operator.do("client", "webhook", "Shop", "--url", URL)
    operator.tell("a", "b")
    listed = json.loads(operator.do("client", "deliveries", "Shop", "--json"))["deliveries"]
    assert [(row["event"], row["status"]) for row in listed] == [("conversation.ended", "failed")] * 2
    assert listed[0]["created_at"] > listed[1]["created_at"]
    table = operator.do("client", "deliveries", "Shop", "--retry", listed[0]["id"])
    assert "HTTP 500" in table
    after = {row["id"]: row["status"] for row in operator.rows(OutboxEvent)}
    assert after == {listed[0]["id"]: "pending", listed[1]["id"]: "failed"}


def test_a_delivery_of_another_client_is_unknown(operator: Operator) -> None:
    operator.do("client", "webhook", "Shop", "--url", URL)
    operator.tell("a")
    operator.do("client", "create", "Other")
    (row,) = operator.rows(OutboxEvent)
    refused = operator.csai("client", "deliveries", "Other", "--retry", row["id"])
    assert refused.exit_code == 2
    assert "There is no delivery" in refused.stderr
    assert json.loads(operator.do("client", "deliveries", "Other", "--json"))["deliveries"] == []
