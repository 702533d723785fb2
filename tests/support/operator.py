"""An admin at the HTTP API of a server in the test's own process."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import httpx
from csai.admins import password
from csai.admins.account import create_admin
from csai.admins.audit import CLI
from csai.admins.service import Role
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from tests.support.server import Server

# A password of people is made dear to guess, twice a sign-in; what that costs is a test of its own process.
password.hasher = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))

EMAIL = "ada@example.com"
PASSWORD = "a sentence of my own"


@dataclass
class Operator:
    """Signed in, with the token as a bearer."""

    server: Server
    token: str

    async def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        return await self.server.http.request(method, path, headers=headers, **options)

    async def get(self, path: str, **query: Any) -> Any:
        answer = await self.ask("GET", path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def change(
        self, path: str, body: dict[str, Any] | None = None, *, if_match: str = "*"
    ) -> httpx.Response:
        """PATCH with a body, or POST (an undo) without one."""
        method = "POST" if body is None else "PATCH"
        return await self.ask(method, path, json=body, headers={"If-Match": if_match})


async def add_admin(
    server: Server, *, email: str = EMAIL, role: Role = "owner", client_ids: Collection[str] | None = None
) -> str:
    services = server.services
    async with services.database.write() as transaction:
        return await create_admin(
            transaction,
            email=email,
            password=PASSWORD,
            role=role,
            actor=CLI,
            clock=services.clock,
            client_ids=client_ids,
        )


async def sign_in(
    server: Server, *, email: str = EMAIL, role: Role = "owner", client_ids: Collection[str] | None = None
) -> Operator:
    """A new admin, of the installation where no clients are named."""
    await add_admin(server, email=email, role=role, client_ids=client_ids)
    answer = await server.http.post("/admin/auth/login", json={"email": email, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    server.http.cookies.clear()
    return Operator(server, answer.json()["token"])
