"""A client's connections and endpoints as an admin sees them: everything but secrets."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from csai_sdk import Endpoint, Integration

from csai.clients.repository import ClientPluginRow
from csai.integrations.draft import DEFAULT_CACHE_S
from csai.integrations.offer import connection_settings, endpoint_of, stored_settings
from csai.integrations.repository import ConnectionRow, EndpointRow, OfferRow
from csai.integrations.schemas import ConnectionState, EndpointState, IntegrationType, OfferedTool
from csai.kit.crypto import Keyring
from csai.plugins.field import secret_fields
from csai.plugins.form import form_fields, form_groups, settings_schema
from csai.plugins.registry import PluginRegistry
from csai.plugins.schemas import Fault
from csai.plugins.stored import SettingsFault


def describe_types(
    registry: PluginRegistry, plugins: Mapping[str, ClientPluginRow], on_by_default: Collection[str]
) -> list[IntegrationType]:
    """What connections can be made to."""
    return [
        IntegrationType(
            type=integration.id,
            plugin=plugin,
            is_plugin_on=_is_on(plugin, plugins, on_by_default),
            settings_schema=settings_schema(integration.connection_settings),
            groups=form_groups(integration.connection_settings),
        )
        for plugin, integration in sorted(registry.integrations.values(), key=lambda each: each[1].id)
    ]


def describe_connection(
    row: ConnectionRow,
    client_id: str,
    *,
    plugins: Mapping[str, ClientPluginRow],
    registry: PluginRegistry,
    on_by_default: Collection[str],
    keyring: Keyring,
) -> ConnectionState:
    plugin, integration = registry.integrations.get(row.integration_type, ("", None))
    obstacles, fault, own = [], None, dict(row.settings)
    if integration is None:
        obstacles.append(f"no plugin for '{row.integration_type}' is loaded: csai plugins doctor")
    else:
        settings = connection_settings(integration, client_id, row, id_=row.id, keyring=keyring)
        try:
            own = settings.own(stored_settings(row))
            settings.in_force(own)
        except SettingsFault as error:
            fault = Fault(code=error.code, cause=error.cause, remedy=error.remedy)
        if not _is_on(plugin, plugins, on_by_default):
            obstacles.append(
                f"the plugin {plugin} is off for this client: csai client plugin {client_id} {plugin} --on"
            )
    model = integration.connection_settings if integration is not None else None
    hidden = secret_fields(model) if model is not None else set()
    return ConnectionState(
        id=row.id,
        type=row.integration_type,
        name=row.name,
        enabled=row.enabled,
        state="off" if not row.enabled else "unusable" if fault else "on",
        fault=fault,
        obstacles=obstacles,
        settings={name: value for name, value in own.items() if name not in hidden},
        fields=form_fields(model, client_set=own.keys(), environment={}) if model is not None else {},
        last_sync_test=row.last_sync_test,
        last_test_ok=row.last_test_ok,
        last_test_detail=row.last_test_detail,
        revision=row.revision,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def describe_endpoints(
    stored: Mapping[str, tuple[EndpointRow, OfferRow | None]], integration: Integration | None
) -> list[EndpointState]:
    """What is stored, and what the integration brings that was never offered."""
    found = {}
    for name, (row, offer) in stored.items():
        endpoint = endpoint_of(row, integration) if integration is not None else None
        found[name] = _state(endpoint or _as_stored(row), row, offer)
    for each in integration.endpoints() if integration is not None else ():
        found.setdefault(each.name, _state(each, None, None))
    return [found[name] for name in sorted(found)]


def _state(endpoint: Endpoint, row: EndpointRow | None, offer: OfferRow | None) -> EndpointState:
    return EndpointState(
        name=endpoint.name,
        is_ready=row is None or row.is_ready,
        url=endpoint.url,
        method=endpoint.method,
        description=endpoint.description,
        parameters_schema=dict(endpoint.parameters_schema),
        request=dict(endpoint.request),
        is_private=endpoint.is_private,
        visitor_parameters=list(endpoint.visitor_parameters),
        cache_s=row.cache_s if row is not None else DEFAULT_CACHE_S,
        revision=row.revision if row is not None else 0,
        tool=None if offer is None else OfferedTool(tool_name=offer.tool_name, enabled=offer.enabled),
    )


def _as_stored(row: EndpointRow) -> Endpoint:
    """Of an integration that is not loaded, or no longer brings it."""
    return Endpoint(
        row.endpoint_name,
        row.endpoint_url,
        row.method,
        row.description,
        row.parameters_schema,
        row.is_private,
        row.request,
        tuple(row.visitor_parameters),
    )


def _is_on(plugin: str, plugins: Mapping[str, ClientPluginRow], on_by_default: Collection[str]) -> bool:
    row = plugins.get(plugin)
    return row.enabled if row is not None else plugin in on_by_default
