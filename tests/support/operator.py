"""An admin at the HTTP API of a server in the test's own process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx
from csai.admins.audit import CLI
from csai.admins.service import Role, create_admin

from tests.support.server import Server

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


async def add_admin(server: Server, *, email: str = EMAIL, role: Role = "owner") -> str:
    services = server.services
    async with services.database.write() as transaction:
        return await create_admin(
            transaction, email=email, password=PASSWORD, role=role, actor=CLI, clock=services.clock
        )


async def sign_in(server: Server, *, email: str = EMAIL, role: Role = "owner") -> Operator:
    await add_admin(server, email=email, role=role)
    answer = await server.http.post("/admin/auth/login", json={"email": email, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    server.http.cookies.clear()
    return Operator(server, answer.json()["token"])
