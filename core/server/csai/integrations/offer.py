"""What of a client's connections a turn may read: stored rows made into what integrations are given."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from csai_sdk import Clock, Connection, Endpoint, Integration, ToolError

from csai.database import Database
from csai.integrations.repository import ConnectionRow, EndpointRow, owner_of_connection
from csai.integrations.token import ConnectionTokens
from csai.kit.crypto import Keyring
from csai.plugins.owned import OwnedSettings
from csai.plugins.registry import PluginRegistry
from csai.plugins.stored import SettingsFault, StoredSettings
from csai.tools.schema import compile_schema

log = structlog.get_logger(__name__)

_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")

VISITOR_ID = "visitor_id"
"""Under this name no argument of a model is ever passed on: templates have the visitor's id there."""


@dataclass(frozen=True, slots=True)
class Offer:
    """An endpoint that a client's model may read as a tool."""

    plugin: str
    integration: Integration
    connection: Connection
    endpoint: Endpoint
    cache_s: int
    mark: str
    """Tells it, as it is now, from every other in the key of a cache."""

    @property
    def model_schema(self) -> dict[str, Any]:
        """What a model is told of the arguments."""
        return model_schema(self.endpoint)

    def arguments(self, given: Mapping[str, Any], visitor_id: str | None) -> dict[str, Any]:
        """What a model gave, with what the server fills in. Raises `ToolError`."""
        bound = self.endpoint.visitor_parameters
        arguments = {name: value for name, value in given.items() if name not in {*bound, VISITOR_ID}}
        if not self.endpoint.is_private:
            return arguments
        if visitor_id is None:
            raise ToolError("This needs a visitor whose identity is verified, and this one's is not.")
        schema = self.endpoint.parameters_schema
        for name in bound:
            arguments[name] = _as_declared(schema["properties"][name], visitor_id)
        if bound and compile_schema(schema).errors(arguments):
            # The model's own arguments fit: this visitor has an id of another kind, and so no records here.
            raise ToolError("There is nothing of this visitor there.")
        return arguments


def model_schema(endpoint: Endpoint) -> dict[str, Any]:
    """The schema of the arguments without those that the server fills in."""
    schema = {"type": "object", **endpoint.parameters_schema}
    hidden = set(endpoint.visitor_parameters)
    if not hidden:
        return schema
    properties = {name: each for name, each in schema.get("properties", {}).items() if name not in hidden}
    required = [name for name in schema.get("required", []) if name not in hidden]
    return {**schema, "properties": properties, "required": required}


def endpoint_of(row: EndpointRow, integration: Integration) -> Endpoint | None:
    """What a row says; of a ready one what the integration says of it now, if it still has it."""
    if row.is_ready:
        return next((each for each in integration.endpoints() if each.name == row.endpoint_name), None)
    return Endpoint(
        name=row.endpoint_name,
        url=row.endpoint_url,
        method=row.method,
        description=row.description,
        parameters_schema=row.parameters_schema,
        is_private=row.is_private,
        request=row.request,
        visitor_parameters=tuple(row.visitor_parameters),
    )


def connection_settings(
    integration: Integration, client_id: str, row: ConnectionRow | None, *, id_: str, keyring: Keyring
) -> OwnedSettings:
    """The settings of a connection. The environment sets none of them: they are of one client's system."""
    title = f"The connection {row.name}" if row is not None else f"A connection of type {integration.id}"
    return OwnedSettings(
        title, integration.connection_settings, owner_of_connection(client_id, id_), keyring, {}
    )


def stored_settings(row: ConnectionRow) -> StoredSettings:
    return StoredSettings(row.settings, row.connection_config, row.settings_version)


@dataclass(frozen=True, slots=True)
class Opener:
    """Makes of one client's stored connections what integrations are given."""

    client_id: str
    database: Database
    keyring: Keyring
    clock: Clock

    def open(self, row: ConnectionRow, integration: Integration) -> Connection:
        """Raises `SettingsFault`."""
        settings = self.settings(row, integration)
        tokens = ConnectionTokens(
            self.database, self.keyring, self.clock, client_id=self.client_id, integration_id=row.id
        )
        return Connection(row.id, settings.in_force(settings.own(stored_settings(row))), tokens)

    def settings(self, row: ConnectionRow, integration: Integration) -> OwnedSettings:
        return connection_settings(integration, self.client_id, row, id_=row.id, keyring=self.keyring)


def make_offers(
    rows: Iterable[tuple[str, EndpointRow, ConnectionRow]], opener: Opener, registry: PluginRegistry
) -> dict[str, Offer]:
    """By the name of the tool. What cannot be used is left out and logged."""
    offers: dict[str, Offer] = {}
    opened: dict[str, Connection] = {}
    for tool_name, endpoint_row, row in rows:
        plugin, integration = registry.integrations.get(row.integration_type, ("", None))
        if integration is None:
            continue
        try:
            # One for all its endpoints, so that they renew its tokens together.
            connection = opened.get(row.id) or opened.setdefault(row.id, opener.open(row, integration))
        except SettingsFault as fault:
            log.error(
                "a connection is off: its settings cannot be used",
                integration=row.id,
                client_id=opener.client_id,
                code=fault.code,
                fields=fault.fields,
            )
            continue
        endpoint = endpoint_of(endpoint_row, integration)
        if endpoint is None:
            continue
        mark = f"{row.id}.{row.revision}/{endpoint_row.id}.{endpoint_row.revision}"
        offers[tool_name] = Offer(plugin, integration, connection, endpoint, endpoint_row.cache_s, mark)
    return offers


def _as_declared(schema: Any, visitor_id: str) -> Any:
    """The visitor's id as the property's type has it. `007` is not `7`: it stays a text, and does not fit."""
    is_number = isinstance(schema, Mapping) and schema.get("type") == "integer"
    return int(visitor_id) if is_number and _NUMBER.fullmatch(visitor_id) else visitor_id
