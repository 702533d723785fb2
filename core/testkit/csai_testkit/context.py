"""A plugin context for tests: the real class, on transports that nothing guards."""

from __future__ import annotations

import asyncio
import inspect
import logging
import socket
import ssl
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, TypeVar

import aiohttp
from csai_sdk import HttpClient, HttpError, HttpResponse, PluginContext, PluginSettings
from csai_sdk.store import Store

from csai_testkit.store import MemoryStore

T = TypeVar("T")


@dataclass
class FakeClock:
    """A clock that stands still until the test moves it."""

    time: datetime = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def advance(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


class PlainHttp:
    """The context's HTTP client without a guard."""

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        timeout_s: float = 30.0,
        max_bytes: int = 1_000_000,
    ) -> HttpResponse:
        timeout = aiohttp.ClientTimeout(total=timeout_s)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.request(
                    method, url, headers=headers, data=content, allow_redirects=False
                ) as response,
            ):
                body = bytearray()
                async for chunk in response.content.iter_any():
                    body += chunk
                    if len(body) > max_bytes:
                        break
                names = {name.lower(): value for name, value in response.headers.items()}
                return HttpResponse(response.status, names, bytes(body[:max_bytes]), len(body) > max_bytes)
        except aiohttp.ClientConnectorError as error:
            raise HttpError("no connection", was_sent=False) from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise HttpError("no answer", was_sent=True) from error


class PlainTransports:
    """Transports without a guard. Whether the address was said to be the operator's is kept in `asked`."""

    def __init__(self) -> None:
        self.asked: list[bool] = []

    def httpx(self, *, is_operator_url: bool) -> Any:
        import httpx

        self.asked.append(is_operator_url)
        return httpx.AsyncHTTPTransport(verify=_tls())

    def httpx2(self, *, is_operator_url: bool) -> Any:
        import httpx2

        self.asked.append(is_operator_url)
        return httpx2.AsyncHTTPTransport(verify=_tls())

    async def connect(
        self, host: str, port: int, *, is_operator_url: bool, timeout_s: float = 10.0
    ) -> socket.socket:
        (address, *_) = await self.resolve(host, port, is_operator_url=is_operator_url)
        opened = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        opened.setblocking(False)
        try:
            async with asyncio.timeout(timeout_s):
                await asyncio.get_running_loop().sock_connect(opened, (address, port))
        except OSError as error:
            opened.close()
            raise HttpError("no answer", was_sent=False) from error
        return opened

    async def resolve(
        self, host: str, port: int, *, is_operator_url: bool, timeout_s: float = 10.0
    ) -> list[str]:
        self.asked.append(is_operator_url)
        try:
            async with asyncio.timeout(timeout_s):
                found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise HttpError("no answer", was_sent=False) from error
        return [str(each[4][0]) for each in found]


@cache
def _tls() -> ssl.SSLContext:
    # Reading the certificates takes longer than most tests.
    return ssl.create_default_context()


@dataclass
class KeptResources:
    """What the plugin keeps; `aclose` closes it all, as the server does at the end."""

    kept: dict[str, Any] = field(default_factory=dict)

    def get(self, key: str, factory: Callable[[], T]) -> T:
        if key not in self.kept:
            self.kept[key] = factory()
        resource: T = self.kept[key]
        return resource

    async def aclose(self) -> None:
        while self.kept:
            _, resource = self.kept.popitem()
            close = getattr(resource, "aclose", None) or getattr(resource, "close", None)
            closing = close() if close else None
            if inspect.isawaitable(closing):
                await closing


class _PluginLog(logging.LoggerAdapter[logging.Logger]):
    """Keeps the fields that a plugin gives, as the server's does; the standard adapter drops them."""

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        return msg, kwargs


def make_context(
    settings: PluginSettings | None = None,
    *,
    plugin: str = "plugin",
    client_id: str | None = "client",
    client_set: Iterable[str] = (),
    http: HttpClient | None = None,
    transports: PlainTransports | None = None,
    clock: FakeClock | None = None,
    resources: KeptResources | None = None,
    store: Store | None = None,
    tools_changed: Callable[[], None] = lambda: None,
) -> PluginContext:
    """A context to call a plugin with. Prefer the fixture `plugin_context`, which closes what is kept."""
    clock = clock or FakeClock()
    return PluginContext(
        plugin=plugin,
        client_id=client_id,
        settings=settings or PluginSettings(),
        http=http or PlainHttp(),
        transports=transports or PlainTransports(),
        clock=clock,
        log=_PluginLog(logging.getLogger(f"csai.plugin.{plugin}"), {}),
        resources=resources or KeptResources(),
        store=store or MemoryStore(clock),
        client_set=frozenset(client_set),
        tools_changed=tools_changed,
    )
