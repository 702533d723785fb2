"""A client's plugin as an admin sees it, and what switching it would change."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlalchemy.ext.asyncio import AsyncConnection

from csai.clients.repository import ClientPluginRow, ClientRepository
from csai.kit.crypto import Keyring
from csai.plugins.field import secret_fields
from csai.plugins.form import form_fields, form_groups, settings_schema
from csai.plugins.registry import Plugin
from csai.plugins.schemas import (
    ClientPluginState,
    Fault,
    PluginPreview,
    PreviewedChain,
    PreviewedNames,
    PreviewedTools,
)
from csai.plugins.stored import (
    SettingsFault,
    StoredSettings,
    check_settings,
    own_settings,
    owner_of,
)
from csai.plugins.view import ClientView, ClientViews


def describe(
    plugin: Plugin,
    row: ClientPluginRow | None,
    *,
    client_id: str,
    on_by_default: Collection[str],
    keyring: Keyring,
) -> ClientPluginState:
    """Everything but secrets; what cannot be used is told with its cause."""
    model, is_default = plugin.settings_model, plugin.id in on_by_default
    row = row or ClientPluginRow(is_default, {}, None, model.settings_version)
    own, fault = dict(row.settings), None
    try:
        stored = StoredSettings(row.settings, row.secrets, row.settings_version)
        own = own_settings(model, stored, owner=owner_of(client_id, plugin.id), keyring=keyring)
        check_settings(model, own)
    except SettingsFault as error:
        fault = Fault(code=error.code, cause=error.cause, remedy=error.remedy)
    hidden = secret_fields(model)
    return ClientPluginState(
        id=plugin.id,
        kinds=plugin.kinds,
        version=plugin.version,
        enabled=row.enabled,
        state="off" if not row.enabled else "unusable" if fault else "on",
        is_on_by_default=is_default,
        fault=fault,
        settings={name: value for name, value in own.items() if name not in hidden},
        fields=form_fields(model, client_set=own.keys()),
        settings_schema=settings_schema(model),
        groups=form_groups(model),
        revision=row.revision,
        can_undo=row.previous is not None,
        updated_at=row.updated_at,
    )


async def preview_plugin(
    connection: AsyncConnection,
    client_id: str,
    plugin: Plugin,
    *,
    enabled: bool,
    views: ClientViews,
    on_by_default: Collection[str],
) -> PluginPreview:
    """What a client's next turn would have and lack with the plugin on or off. Changes nothing."""
    now = await views.preview(connection, client_id, {})
    then = await views.preview(connection, client_id, {plugin.id: enabled})
    row = (await ClientRepository(connection, client_id).plugins()).get(plugin.id)
    is_on = row.enabled if row else plugin.id in on_by_default
    return _compared(plugin, now, then, is_on=(is_on, enabled))


def _compared(
    plugin: Plugin, now: ClientView, then: ClientView, *, is_on: tuple[bool, bool]
) -> PluginPreview:
    tools = _difference(now.tools, then.tools)
    chain = PreviewedChain(now=_chain(now), then=_chain(then))
    own_tools = {tool.spec.name for tool in plugin.tools}
    return PluginPreview(
        plugin=plugin.id,
        enabled_now=is_on[0],
        enabled_then=is_on[1],
        tools=PreviewedTools(
            gone=tools.gone,
            added=tools.added,
            available=sorted(own_tools - then.tools.keys()) if is_on[1] else [],
        ),
        providers=chain,
        locales=_difference(
            (locale.code for locale in now.locales), (locale.code for locale in then.locales)
        ),
        hooks=_difference(plugin.event_hooks if is_on[0] else (), plugin.event_hooks if is_on[1] else ()),
        warnings=list(_warnings(plugin, chain, then, is_on=is_on)),
    )


def _warnings(
    plugin: Plugin, chain: PreviewedChain, then: ClientView, *, is_on: tuple[bool, bool]
) -> Iterable[str]:
    if not chain.then:
        yield "No provider would be left: every message of the client would fail."
    elif chain.now[:1] != chain.then[:1]:
        yield f"The client would be answered by {chain.then[0]}."
    wanted = str(then.client.settings.get("provider") or "")
    if not is_on[1] and wanted in {provider.id for provider in plugin.providers}:
        yield f"The client asks for the provider {wanted}, which would be off."
    if is_on[1] and plugin.id not in then.plugins:
        yield "Its settings cannot be used, so it would stay off."


def _difference(now: Iterable[str], then: Iterable[str]) -> PreviewedNames:
    before, after = set(now), set(then)
    return PreviewedNames(gone=sorted(before - after), added=sorted(after - before))


def _chain(view: ClientView) -> list[str]:
    return [chosen.provider.id for chosen in view.providers]
