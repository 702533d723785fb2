"""What the server hands a plugin: narrow, and bound to one client."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from logging import Logger, LoggerAdapter
from socket import socket
from typing import Any, Protocol, TypeVar

from csai_sdk.errors import SettingsError
from csai_sdk.settings import PluginSettings
from csai_sdk.store import Store

S = TypeVar("S", bound=PluginSettings)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """An answer of `HttpClient.request`. `body` is cut at the request's `max_bytes`."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    is_truncated: bool = False


class HttpError(Exception):
    """No answer came. `was_sent` tells whether the request may have reached its target."""

    def __init__(self, message: str, *, was_sent: bool) -> None:
        super().__init__(message)
        self.was_sent = was_sent


class HttpClient(Protocol):
    """The guarded way out. Follows no redirects; refuses addresses the installation does not allow."""

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
        """Send one request. Raises `HttpError` (a refused address, a lost connection, a timeout)."""
        ...


class Transports(Protocol):
    """Guarded transports to build a vendor SDK's client on. The caller owns and closes what it gets.

    `is_operator_url` is True where the base address came from the operator's settings, which are trusted;
    an address that a client set must pass the egress guard.
    """

    def httpx(self, *, is_operator_url: bool) -> Any:
        """An `httpx.AsyncBaseTransport`."""
        ...

    def httpx2(self, *, is_operator_url: bool) -> Any:
        """An `httpx2.AsyncBaseTransport`."""
        ...

    async def connect(
        self, host: str, port: int, *, is_operator_url: bool, timeout_s: float = 10.0
    ) -> socket:
        """A connected, non-blocking TCP socket, for protocols that are not HTTP (SMTP, IMAP).

        Begin TLS over it with `host` as the server's name. Raises `HttpError` (a refused address, no answer).
        """
        ...

    async def resolve(
        self, host: str, port: int, *, is_operator_url: bool, timeout_s: float = 10.0
    ) -> Sequence[str]:
        """Numeric addresses that may be connected to, for a driver that opens its connections itself.

        Hand it one of these, never the name, which may say something else at a second look. Raises
        `HttpError`.
        """
        ...


class Clock(Protocol):
    """Time, so that tests can drive it."""

    def now(self) -> datetime:
        """The time in UTC, aware."""
        ...


class Resources(Protocol):
    """What plugins keep per client between calls; emptied when the client's configuration changes."""

    def get(self, key: str, factory: Callable[[], T]) -> T:
        """What is kept under `key`; made by `factory` where there is nothing yet."""
        ...


def _nobody_listens() -> None:
    """Where no client's catalog depends on the plugin."""


@dataclass(frozen=True, slots=True)
class PluginContext:
    """One plugin's view of the server for one call on behalf of one client.

    `client_id` is None for work of the installation itself. `client_set` names the settings that the
    client's admin gave, as against the operator's defaults. A tool backend calls `tools_changed()` when it
    hears that the tools it lists for the client are no longer the same; it returns at once, and the server
    soon asks `list_tools` again.
    """

    plugin: str
    client_id: str | None
    settings: PluginSettings
    http: HttpClient
    transports: Transports
    clock: Clock
    log: LoggerAdapter[Logger]
    resources: Resources
    store: Store
    client_set: frozenset[str] = field(default_factory=frozenset)
    tools_changed: Callable[[], None] = field(default_factory=lambda: _nobody_listens, repr=False)

    def settings_as(self, model: type[S]) -> S:
        """The settings, typed as the model the plugin registered."""
        if not isinstance(self.settings, model):
            raise SettingsError(f"plugin '{self.plugin}' registered no settings of type {model.__name__}")
        return self.settings

    def resource(self, key: str, factory: Callable[[], T]) -> T:
        """The object kept under `key` for this plugin and client, made by `factory` when there is none.

        It lives until the client's configuration changes or the process stops; its `aclose()` or
        `close()` is then called, when no call uses it any more. Never share state between clients by
        other means.
        """
        return self.resources.get(key, factory)
