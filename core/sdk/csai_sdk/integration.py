"""Integrations: outside business systems whose live data the AI may read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from csai_sdk.context import PluginContext


@dataclass(frozen=True, slots=True)
class Connection:
    """A client's connection: its decrypted configuration, as the integration's own settings define it."""

    id: str
    config: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A named piece of live data: `url` may hold `{placeholders}` filled from the arguments."""

    name: str
    url: str
    method: str = "GET"
    description: str = ""


@dataclass(frozen=True, slots=True)
class ConnectionCheck:
    """The outcome of a connection test; `detail` is safe to show (no secret, no address of a private net)."""

    is_ok: bool
    detail: str


class Integration(ABC):
    """A kind of business system (a shop system, a REST API, a database)."""

    id: str

    @abstractmethod
    async def check(self, connection: Connection, ctx: PluginContext) -> ConnectionCheck:
        """Try the connection without changing anything. Raises nothing that an admin could cause."""

    @abstractmethod
    async def fetch(
        self,
        connection: Connection,
        endpoint: Endpoint,
        arguments: Mapping[str, Any],
        *,
        visitor_id: str | None,
        ctx: PluginContext,
    ) -> Any:
        """Read the endpoint and return JSON. `visitor_id` is set only for a verified visitor.

        Raises `IntegrationError`.
        """
