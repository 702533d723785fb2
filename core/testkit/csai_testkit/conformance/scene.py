"""One client of the plugin under test, in front of a vendor of its own that a replay server plays."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from csai_sdk import PluginContext, PluginSettings
from pydantic import SecretStr

from csai_testkit.context import FakeClock, KeptResources, make_context
from csai_testkit.replay import Exchange, ReplayServer


@dataclass
class Scene:
    """A client. `text` and `secret` are its alone, so that they are known wherever they turn up."""

    client_id: str
    text: str
    secret: str
    ctx: PluginContext
    resources: KeptResources
    clock: FakeClock
    server: ReplayServer

    @property
    def url(self) -> str:
        """The base address of the scripted vendor."""
        return self.server.url

    @property
    def port(self) -> int | None:
        return urlsplit(self.server.url).port

    def received(self) -> str:
        """All that the vendor was sent, as text."""
        return "\n".join(f"{item.url} {item.headers} {item.body!r}" for item in self.server.requests)

    def is_let_go(self) -> bool:
        """Whether the vendor's connections are all closed."""
        return self.server.open_connections == 0

    async def release(self) -> None:
        """What the server does when it needs the client's context no more."""
        await self.resources.aclose()


def new_text() -> str:
    """What a visitor says, unlike anything else."""
    return f"canary {uuid4().hex[:12]}"


def new_secret() -> str:
    return f"sk-canary-{uuid4().hex}"


def secrets_in(settings: PluginSettings) -> set[str]:
    """The values of the settings' secret fields."""
    values = [getattr(settings, name) for name in type(settings).model_fields]
    return {value.get_secret_value() for value in values if isinstance(value, SecretStr)}


@asynccontextmanager
async def open_scene(
    plugin: str,
    settings: Callable[[str, str], PluginSettings],
    *,
    client_id: str,
    exchanges: Sequence[Exchange],
    text: str,
    secret: str,
    server: Mapping[str, Any],
) -> AsyncIterator[Scene]:
    """A client with the settings that `settings(url, secret)` gives."""
    resources, clock = KeptResources(), FakeClock()
    async with ReplayServer(exchanges, **server) as replay:
        own = settings(replay.url, secret)
        ctx = make_context(
            own,
            plugin=plugin,
            client_id=client_id,
            client_set=own.model_fields_set,
            clock=clock,
            resources=resources,
        )
        try:
            yield Scene(client_id, text, secret, ctx, resources, clock, replay)
        finally:
            await resources.aclose()


async def becomes_true(condition: Callable[[], bool], patience_s: float) -> bool:
    """Whether it does within that time."""
    end = asyncio.get_running_loop().time() + patience_s
    while not condition():
        if asyncio.get_running_loop().time() > end:
            return False
        await asyncio.sleep(0.005)
    return True
