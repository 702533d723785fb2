"""A plugin is switched on and off a hundred times while people chat through two processes."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import httpx
import pytest
from csai.admins.account import create_admin
from csai.admins.audit import CLI
from csai.kit.clock import SystemClock
from csai.models import AuditEntry

from tests.support.fleet import UNLIMITED, Fleet, Replica, Visitor
from tests.support.upstream import TOOLS
from tests.support.waiting import PATIENCE_S

FLIPS = 100
EMAIL, PASSWORD = "ada@example.com", "a sentence of my own"


@pytest.fixture(scope="module")
def replicas(fleet: Fleet) -> tuple[Replica, Replica]:
    return fleet.start_now(), fleet.start_now()


class Admin:
    """Switches the flipped client's plugin, now through one process and now through the other."""

    def __init__(self, http: httpx.AsyncClient, client_id: str, token: str) -> None:
        self._http, self._path = http, f"/admin/clients/{client_id}/plugins/n8n"
        self._headers = {"Authorization": f"Bearer {token}"}
        self._etag = '"1"'

    async def switch(self, replica: Replica, *, is_on: bool) -> None:
        answer = await self._http.patch(
            f"{replica.url}{self._path}",
            json={"enabled": is_on},
            headers={**self._headers, "If-Match": self._etag},
        )
        assert answer.status_code == 200, answer.text
        self._etag = answer.headers["etag"]


async def sign_in(fleet: Fleet, http: httpx.AsyncClient, replica: Replica) -> str:
    async with fleet.database() as database, database.write() as transaction:
        await create_admin(
            transaction, email=EMAIL, password=PASSWORD, role="owner", actor=CLI, clock=SystemClock()
        )
    answer = await http.post(f"{replica.url}/admin/auth/login", json={"email": EMAIL, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    token: str = answer.json()["token"]
    return token


def tools_in(requests: list[dict[str, Any]]) -> set[str]:
    return {tool["function"]["name"] for request in requests for tool in request.get("tools", [])}


@pytest.mark.timeout(600)
async def test_a_hundred_flips_under_chats_disturb_nobody(
    fleet: Fleet, replicas: tuple[Replica, Replica]
) -> None:
    flipped, other = await fleet.add_client(UNLIMITED), await fleet.add_client(UNLIMITED)
    statuses: Counter[int] = Counter()
    is_over = asyncio.Event()
    others: list[str] = []

    async def chat(client: Any, name: str, replica: Replica) -> None:
        visitor, number = Visitor(client), 0
        while not is_over.is_set():
            text = f"linger, {name}, number {number}"
            number += 1
            answer = await visitor.say(replica, text)
            statuses[answer.status_code] += 1
            visitor.session_id = answer.json()["session_id"]
            assert answer.json()["status"] == "completed", answer.text
            if client is other:
                others.append(text)

    # No connection is kept, which a server may close in the moment that the next request is sent.
    unkept = httpx.Limits(max_keepalive_connections=0)
    async with httpx.AsyncClient(timeout=PATIENCE_S, limits=unkept) as http, asyncio.TaskGroup() as group:
        admin = Admin(http, flipped.id, await sign_in(fleet, http, replicas[0]))
        for number, replica in enumerate(replicas):
            group.create_task(chat(flipped, f"flipped {number}", replica))
            group.create_task(chat(other, f"other {number}", replica))
        try:
            for number in range(FLIPS):
                is_on = number % 2 == 1
                await admin.switch(replicas[number % 2], is_on=is_on)
                # The very next turn, in the process that did not make the change.
                text = f"after flip {number}"
                said = await Visitor(flipped).say(replicas[1 - number % 2], text)
                statuses[said.status_code] += 1
                assert tools_in(fleet.upstream.of(text)) == (set(TOOLS) if is_on else set()), number
        finally:
            is_over.set()

    assert set(statuses) == {200}
    assert statuses[200] > FLIPS
    assert others
    for text in others:
        assert tools_in(fleet.upstream.of(text)) == set(TOOLS), text
    flips = [row for row in await fleet.rows(AuditEntry, client_id=flipped.id) if row["actor"] == "admin"]
    assert len(flips) == FLIPS
    assert [row for row in await fleet.rows(AuditEntry, client_id=other.id) if row["actor"] == "admin"] == []
    assert fleet.upstream.faults == []
