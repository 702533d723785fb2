"""An integration for tests, whose systems are the test's own, and an admin who connects a client to one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from csai_sdk import (
    Connection,
    ConnectionCheck,
    Endpoint,
    Integration,
    IntegrationError,
    PluginContext,
    PluginSettings,
    SettingsError,
    hookimpl,
)
from pydantic import Field, SecretStr

from tests.support.operator import Operator

ORDER_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"order_id": {"type": "string"}},
    "required": ["order_id"],
    "additionalProperties": False,
}


class Settings(PluginSettings):
    place: str = Field("", title="Place", description="Where the system stands.")
    key: SecretStr | None = Field(None, title="Key", description="The system's key.")
    mode: Literal["plain", "fine"] = Field("plain", title="Mode", description="How it answers.")


@dataclass(frozen=True)
class Fetched:
    """One call of `fetch`."""

    settings: Settings
    endpoint: Endpoint
    arguments: Mapping[str, Any]
    visitor_id: str | None
    client_id: str | None


@dataclass
class Systems(Integration):
    """Answers with the place and what was asked, or as the test says."""

    id: str = "systems"
    fetched: list[Fetched] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)
    answers: list[Any] = field(default_factory=list)
    check_outcome: ConnectionCheck | Exception = ConnectionCheck(True, "It answers.")  # noqa: RUF009 -- frozen
    ready: list[Endpoint] = field(default_factory=list)

    connection_settings = Settings

    def endpoints(self) -> Sequence[Endpoint]:
        return self.ready

    def check_endpoint(self, endpoint: Endpoint) -> None:
        if endpoint.url.startswith("bad"):
            raise SettingsError("write a url that is not bad")

    async def check(self, connection: Connection, ctx: PluginContext) -> ConnectionCheck:
        if isinstance(self.check_outcome, Exception):
            raise self.check_outcome
        return self.check_outcome

    async def fetch(
        self,
        connection: Connection,
        endpoint: Endpoint,
        arguments: Mapping[str, Any],
        *,
        visitor_id: str | None,
        ctx: PluginContext,
    ) -> Any:
        settings = connection.settings_as(Settings)
        self.fetched.append(Fetched(settings, endpoint, dict(arguments), visitor_id, ctx.client_id))
        if self.failures:
            raise self.failures.pop(0)
        if self.answers:
            return self.answers.pop(0)
        return {"place": settings.place, "asked": dict(arguments), "number": len(self.fetched)}

    @hookimpl
    def register_integrations(self) -> Sequence[Integration]:
        return [self]


def passing(message: str = "The system gave no answer.") -> IntegrationError:
    return IntegrationError(message, retryable=True)


@dataclass
class Connected:
    """A connection, through the admin's API."""

    operator: Operator
    path: str

    async def endpoint(self, name: str = "orders", **body: Any) -> None:
        made = {
            "name": name,
            "url": "/orders/{order_id}",
            "description": "An order.",
            "parameters_schema": ORDER_SCHEMA,
        }
        answer = await self.operator.ask("POST", f"{self.path}/endpoints", json=made | body)
        assert answer.status_code == 201, answer.text

    async def offer(self, name: str = "orders", **body: Any) -> None:
        answer = await self.operator.ask("PUT", f"{self.path}/endpoints/{name}/tool", json=body)
        assert answer.status_code == 200, answer.text


async def connect(
    operator: Operator,
    *,
    of_client: str | None = None,
    type_: str = "systems",
    name: str | None = None,
    **settings: Any,
) -> Connected:
    base = f"/admin/clients/{of_client or operator.server.client.id}/integrations"
    body = {"type": type_, "settings": settings, **({"name": name} if name else {})}
    answer = await operator.ask("POST", base, json=body)
    assert answer.status_code == 201, answer.text
    return Connected(operator, f"{base}/{answer.json()['id']}")
