"""An event goes to its client's own address alone, under its own secret, and nothing is given away."""

from __future__ import annotations

import json

import pytest
from csai.kit.egress import EgressPolicy
from csai.kit.problem import Problem
from csai.models import Client, ClientWebhook
from csai.outbox.service import repeat_delivery
from sqlalchemy import update
from structlog.testing import capture_logs

from core.server.tests.outbox.world import World
from tests.support.history import add_client, all_rows


async def test_a_redirect_is_not_followed(world: World) -> None:
    client_id, _secret = await world.client("/hook")
    await world.tell(client_id, "a")
    world.receiver.answer("/hook", 307)
    world.receiver.redirect_to = f"{world.receiver.url}/inside"
    assert await world.sweep() == ["pending"]
    assert [request.path for request in world.receiver.requests] == ["/hook"]
    (row,) = await world.rows()
    assert row["last_error"] == "HTTP 307: redirects are not followed"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "0x7f000001", "[::ffff:127.0.0.1]"])
async def test_an_address_inside_is_refused_when_it_is_connected_to(world: World, host: str) -> None:
    client_id, _secret = await world.client("/hook")
    async with world.database.write() as transaction:
        own = update(ClientWebhook).values(url=f"http://{host}:{world.receiver.port}/hook")
        await transaction.execute(own)
    await world.tell(client_id, "a")
    assert await world.sweep(EgressPolicy()) == ["pending"]
    assert world.receiver.requests == []
    (row,) = await world.rows()
    assert (row["last_status"], row["last_error"]) == (None, "this address may not be reached")


async def test_no_word_of_an_answer_and_no_secret_is_kept_or_logged(world: World) -> None:
    client_id, secret = await world.client("/hook?token=hidden")
    await world.tell(client_id, "a")
    world.receiver.words = "internal-words" * 10_000
    world.receiver.answer("/hook?token=hidden", 500)
    with capture_logs() as logged:
        assert await world.sweep() == ["pending"]
    (row,) = await world.rows()
    (webhook,) = await all_rows(world.database, ClientWebhook)
    said = json.dumps([dict(row), logged], default=str)
    assert "internal" not in said
    assert "hidden" not in said
    assert secret not in said + webhook["secret"]


async def test_each_client_s_events_go_to_its_own_address_under_its_own_secret(world: World) -> None:
    secrets, owners = {}, {}
    for path in ("/first", "/second"):
        client_id, secrets[path] = await world.client(path)
        owners[path] = client_id
        await world.tell(client_id, "a", "b", "c")
    assert await world.sweep() == ["delivered"] * 6
    ids = {row["id"]: row["client_id"] for row in await world.rows()}
    for path, other in (("/first", "/second"), ("/second", "/first")):
        assert len(world.receiver.at(path)) == 3
        for request in world.receiver.at(path):
            assert ids[request.id] == owners[path]
            assert request.is_signed_with(secrets[path])
            assert not request.is_signed_with(secrets[other])


async def test_a_secret_moved_to_another_client_signs_nothing(world: World) -> None:
    first, _secret = await world.client("/first")
    second, _secret = await world.client("/second")
    moved = {row["client_id"]: row["secret"] for row in await all_rows(world.database, ClientWebhook)}[first]
    async with world.database.write() as transaction:
        own = update(ClientWebhook).where(ClientWebhook.client_id == second).values(secret=moved)
        await transaction.execute(own)
    await world.tell(second, "a")
    assert await world.sweep() == ["pending"]
    assert world.receiver.requests == []
    (row,) = await world.rows()
    assert "cannot be decrypted" in row["last_error"]


async def test_a_new_secret_and_the_one_before_both_sign_for_a_day(world: World) -> None:
    client_id, old = await world.client("/hook")
    new = await world.webhook(client_id, is_rotating=True)
    assert new is not None
    for is_old_good in (True, False):
        await world.tell(client_id, world.clock.now().isoformat())
        assert await world.sweep() == ["delivered"]
        request = world.receiver.requests[-1]
        assert (request.is_signed_with(new), request.is_signed_with(old)) == (True, is_old_good)
        world.clock.forward(86_400)


async def test_another_client_s_delivery_cannot_be_repeated(world: World) -> None:
    client_id, _secret = await world.client("/hook")
    other, _secret = await world.client("/other")
    await world.tell(client_id, "a")
    (row,) = await world.rows()
    for event_id in (row["id"], "0190a0b0-0000-7000-8000-000000000000", "nonsense"):
        with pytest.raises(Problem, match="delivery_unknown"):
            async with world.database.write() as transaction:
                await repeat_delivery(transaction, other, event_id, clock=world.clock)


async def test_a_client_that_is_deactivated_is_told_nothing(world: World) -> None:
    client_id, _secret = await world.client("/hook")
    await world.tell(client_id, "a")
    async with world.database.write() as transaction:
        await transaction.execute(update(Client).where(Client.id == client_id).values(status="inactive"))
    assert await world.sweep() == []


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "http or https URL"),
        ("shop.example/hook", "http or https URL"),
        ("ftp://shop.example/hook", "http or https URL"),
        ("https://user:word@shop.example/hook", "without a user name"),
        ("https://shop.example/#part", "no #"),
        ("https://shop.example/" + "a" * 2_000, "at most 2000"),
        ("http://10.0.0.1/hook", "10.0.0.1 is no public address"),
        ("http://[::1]/hook", "CSAI_EGRESS_ALLOW"),
        ("http://169.254.169.254/latest", "CSAI_EGRESS_ALLOW"),
    ],
)
async def test_an_address_that_cannot_be_is_refused_with_the_reason(
    world: World, url: str, reason: str
) -> None:
    client_id = await add_client(world.database, at=world.clock.now())
    with pytest.raises(Problem) as refused:
        await world.webhook(client_id, url=url)
    assert refused.value.code == "webhook_url_invalid"
    assert reason in refused.value.detail
    assert await all_rows(world.database, ClientWebhook) == []
