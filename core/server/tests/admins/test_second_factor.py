"""The second factor: codes as RFC 6238 has them, each taken once, and a way back for who lost the app."""

from __future__ import annotations

import asyncio
import base64
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from csai.admins.totp import STEP_S, code_at, step_of
from csai.models import Admin, AdminRecoveryCode, AuditEntry
from csai_testkit.scripted import ScriptedProvider

from tests.support.operator import EMAIL, PASSWORD, Operator, sign_in
from tests.support.server import Server, ServerFactory

RFC_SECRET = base64.b32encode(b"12345678901234567890").decode()


class HandClock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.time = datetime.now(UTC)

    def now(self) -> datetime:
        return self.time


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def server(make_server: ServerFactory, clock: HandClock) -> Server:
    return await make_server(ScriptedProvider(["Hello!"], is_endless=True), clock=clock)


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        *((59, "94287082"), (1111111109, "07081804"), (1111111111, "14050471")),
        *((1234567890, "89005924"), (2000000000, "69279037"), (20000000000, "65353130")),
    ],
)
def test_codes_are_those_of_the_rfc(seconds: int, code: str) -> None:
    assert code_at(RFC_SECRET, seconds // STEP_S, digits=8) == code


@pytest.mark.parametrize(
    ("off_s", "is_taken"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)]
)
def test_a_clock_may_be_a_step_off(off_s: int, is_taken: bool) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    step = int(now.timestamp()) // STEP_S + off_s // STEP_S
    assert step_of(RFC_SECRET, code_at(RFC_SECRET, step), now=now) == (step if is_taken else None)
    assert step_of(RFC_SECRET, "\u0661\u0662\u0663456", now=now) is None


def code(secret: str, clock: HandClock) -> str:
    return code_at(secret, int(clock.now().timestamp()) // STEP_S)


async def login(server: Server, **given: str) -> httpx.Response:
    body = {"email": EMAIL, "password": PASSWORD} | given
    answer = await server.http.post("/admin/auth/login", json=body)
    server.http.cookies.clear()
    return answer


async def enrol(operator: Operator, clock: HandClock) -> tuple[str, list[str]]:
    begun = await operator.ask("POST", "/admin/auth/second-factor", json={"password": PASSWORD})
    assert begun.status_code == 200, begun.text
    secret = begun.json()["secret"]
    assert parse_qs(urlsplit(begun.json()["uri"]).query)["secret"] == [secret]
    shown = {"code": code(secret, clock)}
    confirmed = await operator.ask("POST", "/admin/auth/second-factor/confirm", json=shown)
    assert confirmed.status_code == 200, confirmed.text
    clock.time += timedelta(seconds=STEP_S)
    return secret, confirmed.json()["codes"]


async def is_in(operator: Operator) -> bool:
    return (await operator.ask("GET", "/admin/auth/verify")).status_code == 200


async def test_once_confirmed_a_code_is_asked_for_and_taken_once(server: Server, clock: HandClock) -> None:
    operator = await sign_in(server)
    other = Operator(server, (await login(server)).json()["token"])
    secret, _codes = await enrol(operator, clock)
    assert [await is_in(each) for each in (operator, other)] == [True, False]
    assert (await login(server)).json()["code"] == "second_factor_needed"
    assert (await login(server, password="guess", code=code(secret, clock))).json()["code"] == "login_invalid"
    assert (await login(server, code="000000")).json()["code"] == "second_factor_invalid"
    shown = code(secret, clock)
    assert (await login(server, code=f"{shown[:3]} {shown[3:]}")).status_code == 200
    assert (await login(server, code=shown)).json()["code"] == "second_factor_invalid"
    clock.time += timedelta(seconds=STEP_S)
    assert (await login(server, code=code(secret, clock))).status_code == 200
    kept = repr((await server.rows(Admin), await server.rows(AuditEntry)))
    assert secret not in kept


async def test_one_code_at_once_lets_one_in(server: Server, clock: HandClock) -> None:
    secret, _codes = await enrol(await sign_in(server), clock)
    answers = await asyncio.gather(*(login(server, code=code(secret, clock)) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [200, 401, 401]


async def test_confirmed_twice_at_once_it_shows_the_recovery_codes_that_count(
    server: Server, clock: HandClock
) -> None:
    operator = await sign_in(server)
    begun = await operator.ask("POST", "/admin/auth/second-factor", json={"password": PASSWORD})
    shown = {"code": code(begun.json()["secret"], clock)}
    answers = await asyncio.gather(
        *(operator.ask("POST", "/admin/auth/second-factor/confirm", json=shown) for _ in range(3))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
    (codes,) = [answer.json()["codes"] for answer in answers if answer.status_code == 200]
    assert (await login(server, code=codes[0])).status_code == 200


async def test_a_recovery_code_serves_once(server: Server, clock: HandClock) -> None:
    _secret, codes = await enrol(await sign_in(server), clock)
    assert len(set(codes)) == 10
    assert (await login(server, code=codes[0].upper())).status_code == 200
    assert (await login(server, code=codes[0])).json()["code"] == "second_factor_invalid"
    assert (await login(server, code=codes[1])).status_code == 200
    assert codes[2] not in repr(await server.rows(AdminRecoveryCode))


async def test_guessing_codes_locks_the_account(server: Server, clock: HandClock) -> None:
    secret, _codes = await enrol(await sign_in(server), clock)
    for _ in range(5):
        assert (await login(server, code="000000")).json()["code"] == "second_factor_invalid"
    assert (await login(server, code=code(secret, clock))).json()["code"] == "login_invalid"


async def test_it_is_set_up_with_the_password_and_taken_off_with_a_code(
    server: Server, clock: HandClock
) -> None:
    operator = await sign_in(server)
    refused = await operator.ask("POST", "/admin/auth/second-factor", json={"password": "guess"})
    assert refused.json()["code"] == "password_wrong"
    assert await off(operator, "000000") == "not_found"
    secret, _codes = await enrol(operator, clock)
    again = await operator.ask("POST", "/admin/auth/second-factor", json={"password": PASSWORD})
    assert again.json()["code"] == "second_factor_set"
    assert await off(operator, "000000") == "second_factor_invalid"
    assert await off(operator, code(secret, clock)) is None
    assert (await login(server)).status_code == 200
    assert await server.rows(AdminRecoveryCode) == []


async def off(operator: Operator, shown: str) -> Any:
    answer = await operator.ask("POST", "/admin/auth/second-factor/off", json={"code": shown})
    return answer.json().get("code")


async def test_an_unconfirmed_one_is_not_asked_for(server: Server, clock: HandClock) -> None:
    operator = await sign_in(server)
    await operator.ask("POST", "/admin/auth/second-factor", json={"password": PASSWORD})
    wrong = await operator.ask("POST", "/admin/auth/second-factor/confirm", json={"code": "000000"})
    assert wrong.json()["code"] == "second_factor_invalid"
    assert (await login(server)).status_code == 200


async def test_an_owner_takes_anothers_away(server: Server, clock: HandClock) -> None:
    ada = await sign_in(server)
    await enrol(ada, clock)
    ada_id = (await ada.get("/admin/auth/verify"))["admin"]["id"]
    ben = await sign_in(server, email="ben@example.com")
    assert (await ben.get(f"/admin/admins/{ada_id}"))["has_second_factor"]
    assert (await ben.ask("DELETE", f"/admin/admins/{ada_id}/second-factor")).status_code == 200
    assert not await is_in(ada)
    assert (await login(server)).status_code == 200


async def test_an_installation_that_demands_it_lets_nobody_do_anything_before(
    make_server: ServerFactory, clock: HandClock
) -> None:
    server = await make_server(
        ScriptedProvider(["Hello!"], is_endless=True), clock=clock, require_second_factor=True
    )
    operator = await sign_in(server)
    refused = await operator.ask("GET", "/admin/plugins")
    assert (refused.status_code, refused.json()["code"]) == (403, "second_factor_required")
    await enrol(operator, clock)
    assert (await operator.ask("GET", "/admin/plugins")).status_code == 200
