"""A business system of the test's own: an API that signs in, fails and rotates its OAuth 2 tokens."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

CLIENT_ID, CLIENT_SECRET = "csai & co", "s:ecret"


@dataclass(frozen=True)
class Received:
    """A request to the API. `path` is raw, as it came over the wire."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any


@dataclass
class Vendor:
    """Answers what it is told, 200 and an empty object otherwise."""

    url: str = ""
    answers: list[web.Response] = field(default_factory=list)
    requests: list[Received] = field(default_factory=list)
    is_signing_in: bool = False
    access: str = ""
    refresh: str = "refresh-0"
    given: int = 0
    expires_in: int | str = 3600
    refusal: web.Response | None = None
    grants: list[dict[str, str]] = field(default_factory=list)

    async def api(self, request: web.Request) -> web.Response:
        body = await request.json() if request.can_read_body else None
        self.requests.append(Received(request.method, request.raw_path, request.headers, body))
        if self.is_signing_in and request.headers.get("authorization") != f"Bearer {self.access}":
            return web.json_response({"error": "invalid_token"}, status=401)
        return self.answers.pop(0) if self.answers else web.json_response({})

    async def token(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.grants.append(form)
        # Long enough for all who wait to come.
        await asyncio.sleep(0)
        if self.refusal is not None:
            return self.refusal
        expected = base64.b64encode(b"csai+%26+co:s%3Aecret").decode()
        if request.headers.get("authorization") != f"Basic {expected}":
            return web.json_response({"error": "invalid_client"}, status=401)
        answer: dict[str, Any] = {"token_type": "Bearer", "expires_in": self.expires_in}
        if form["grant_type"] == "refresh_token":
            if form["refresh_token"] != self.refresh:
                return web.json_response({"error": "invalid_grant"}, status=400)
            self.refresh = f"refresh-{self.given + 1}"
            answer["refresh_token"] = self.refresh
        self.given += 1
        self.access = f"access-{self.given}"
        return web.json_response(answer | {"access_token": self.access})


@asynccontextmanager
async def running() -> AsyncIterator[Vendor]:
    vendor = Vendor()
    app = web.Application()
    app.router.add_post("/oauth/token", vendor.token)
    app.router.add_route("*", "/v1{tail:.*}", vendor.api)
    async with TestServer(app) as server:
        vendor.url = str(server.make_url("")).rstrip("/")
        yield vendor
