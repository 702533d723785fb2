"""Sessions: where an admin is signed in, for how long, and what ends them; and locks against guessing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest
from csai.models import Admin, AdminSession, AuditEntry
from csai_testkit.scripted import ScriptedProvider

from tests.support.clock import HandClock
from tests.support.operator import EMAIL, PASSWORD, Operator, add_admin, sign_in
from tests.support.server import Server, ServerFactory


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def server(make_server: ServerFactory, clock: HandClock) -> Server:
    made = await make_server(ScriptedProvider(["Hello!"], is_endless=True), clock=clock)
    # How many attempts a minute there may be is told by test_login.py.
    made.services.limiter.check_attempt = _unlimited  # type: ignore[method-assign]
    return made


async def _unlimited(*_what: object, **_how: object) -> None:
    return None


async def login(server: Server, password: str = PASSWORD) -> httpx.Response:
    answer = await server.http.post("/admin/auth/login", json={"email": EMAIL, "password": password})
    server.http.cookies.clear()
    return answer


async def again(server: Server) -> Operator:
    return Operator(server, (await login(server)).json()["token"])


async def is_in(operator: Operator) -> bool:
    return (await operator.ask("GET", "/admin/auth/verify")).status_code == 200


async def test_signing_out_ends_this_session_alone(server: Server) -> None:
    one, two = await sign_in(server), await again(server)
    assert (await one.ask("POST", "/admin/auth/logout")).status_code == 200
    assert [await is_in(each) for each in (one, two)] == [False, True]
    assert (await two.ask("DELETE", "/admin/auth/sessions")).status_code == 200
    assert not await is_in(two)


async def test_an_admin_sees_and_ends_own_sessions_and_no_others(server: Server) -> None:
    one, two = await sign_in(server), await again(server)
    other = await sign_in(server, email="eve@example.com")
    seen = (await one.get("/admin/auth/sessions"))["sessions"]
    assert [each["is_this"] for each in seen] == [False, True]
    assert seen[0]["agent"].startswith("python-httpx")
    (theirs,) = (await other.get("/admin/auth/sessions"))["sessions"]
    answers = [
        await one.ask("DELETE", f"/admin/auth/sessions/{each}") for each in (theirs["id"], "x", seen[0]["id"])
    ]
    assert [answer.status_code for answer in answers] == [404, 404, 200]
    assert [await is_in(each) for each in (one, two, other)] == [True, False, True]


async def test_a_refreshed_session_lasts_another_day_but_not_for_ever(
    server: Server, clock: HandClock
) -> None:
    operator = await sign_in(server)
    for _ in range(30):
        clock.time += timedelta(hours=23, minutes=59)
        answer = await operator.ask("POST", "/admin/auth/refresh")
        assert answer.status_code == 200, answer.text
        operator.token = answer.json()["token"]
    clock.time += timedelta(hours=23)
    assert await is_in(operator)
    answer = await operator.ask("POST", "/admin/auth/refresh")
    assert (answer.status_code, answer.json()["code"]) == (401, "session_over")
    clock.time += timedelta(days=1)
    await again(server)
    assert len(await server.rows(AdminSession)) == 1  # those that are over are dropped


async def test_a_new_password_ends_the_other_sessions(server: Server) -> None:
    one, two = await sign_in(server), await again(server)
    body = {"current": "a guess of theirs", "new": "quite another sentence"}
    assert (await one.ask("POST", "/admin/auth/password", json=body)).json()["code"] == "password_wrong"
    short = {"current": PASSWORD, "new": "short"}
    assert (await one.ask("POST", "/admin/auth/password", json=short)).json()["code"] == "password_invalid"
    body["current"] = PASSWORD
    assert (await one.ask("POST", "/admin/auth/password", json=body)).status_code == 200
    assert [await is_in(each) for each in (one, two)] == [True, False]
    assert (await login(server)).status_code == 401
    assert (await login(server, body["new"])).status_code == 200
    assert "password_changed" in repr(await server.rows(AuditEntry))


def told(answer: httpx.Response) -> dict[str, Any]:
    return {**answer.json(), "request_id": ""}


async def test_guessing_locks_for_longer_and_longer_and_says_nothing_of_it(
    server: Server, clock: HandClock
) -> None:
    await add_admin(server)
    wrong = [await login(server, "guess") for _ in range(5)]
    locked = await login(server)
    assert {answer.status_code for answer in (*wrong, locked)} == {401}
    assert told(locked) == told(wrong[0])

    clock.time += timedelta(seconds=61)
    assert (await login(server, "guess")).status_code == 401
    clock.time += timedelta(seconds=61)
    assert (await login(server)).status_code == 401  # two minutes this time
    clock.time += timedelta(seconds=60)
    assert (await login(server)).status_code == 200
    (row,) = await server.rows(Admin)
    assert (row["failures"], row["locked_until"]) == (0, None)


async def test_a_lock_ends_after_an_hour_at_most_and_guesses_do_not_prolong_it(
    server: Server, clock: HandClock
) -> None:
    admin_id = await add_admin(server)
    async with server.services.database.write() as transaction:
        from csai.admins.repository import AdminRepository

        await AdminRepository(transaction).set(admin_id, failures=5_000)
    await login(server, "guess")
    clock.time += timedelta(minutes=59)
    assert (await login(server, "guess")).status_code == 401
    clock.time += timedelta(minutes=2)
    assert (await login(server)).status_code == 200


async def test_a_session_goes_on_while_the_account_is_locked(server: Server) -> None:
    operator = await sign_in(server)
    for _ in range(5):
        await login(server, "guess")
    assert (await login(server)).status_code == 401
    assert await is_in(operator)
