"""Plugins as an admin sees and switches them, for the installation and for each client."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from csai.admins.service import READERS
from csai.clients.plugin import find_plugin, switch_plugin, undo_plugin
from csai.clients.repository import ClientRepository
from csai.kit.body import read_model
from csai.kit.identifier import check_id
from csai.kit.openapi import ADMIN_PROBLEMS, body_of
from csai.kit.precondition import IF_MATCH, named_tags, tagged
from csai.plugins.description import describe, preview_plugin
from csai.plugins.inventory import listing
from csai.plugins.registry import Plugin
from csai.plugins.schemas import (
    ClientPluginState,
    ClientPluginStates,
    InstalledPlugins,
    PluginChange,
    PluginPreview,
)
from csai.plugins.toggle import tell_toggled
from csai.services import Services

router = APIRouter(prefix="/admin", tags=["admin: plugins"], responses=ADMIN_PROBLEMS)


@router.get(
    "/plugins", summary="What is installed, and what had to be kept out", response_model=InstalledPlugins
)
async def installed(request: Request) -> Any:
    """Switching needs no restart; installing does."""
    services: Services = request.app.state.services
    await services.admins.enter(request, roles=READERS)
    settings = services.settings
    listed = await asyncio.to_thread(listing, settings.plugins, services.registry)
    return {
        "plugins": [
            {**asdict(item), "is_on_by_default": item.id in settings.plugins_on_by_default} for item in listed
        ]
    }


@router.get(
    "/clients/{client_id}/plugins",
    summary="Every loaded plugin as the client has it",
    response_model=ClientPluginStates,
)
async def client_plugins(request: Request, client_id: str) -> Any:
    services: Services = request.app.state.services
    await services.admins.enter(request, roles=READERS)
    return {"plugins": await _states(services, client_id, list(services.registry.plugins))}


@router.get(
    "/clients/{client_id}/plugins/{plugin_id}",
    summary="A plugin as the client has it, with the schema of its settings",
    response_model=ClientPluginState,
)
async def client_plugin(request: Request, response: Response, client_id: str, plugin_id: str) -> Any:
    """The ETag is what a change names in `If-Match`. Secrets are never given, only whether they are set."""
    services: Services = request.app.state.services
    await services.admins.enter(request, roles=READERS)
    return await _state(services, response, client_id, plugin_id)


@router.patch(
    "/clients/{client_id}/plugins/{plugin_id}",
    summary="Switch a plugin for a client, and set it",
    response_model=ClientPluginState,
    openapi_extra={**body_of(PluginChange), **IF_MATCH},
)
async def change(request: Request, response: Response, client_id: str, plugin_id: str) -> Any:
    """It holds from the client's next turn on, in every process; turns that run are not disturbed.

    Settings that are left out stay, secrets too; null takes one back. Refused with 412 where somebody else
    has changed it since it was read.
    """
    services: Services = request.app.state.services
    admin = await services.admins.enter(request)
    revisions = _revisions(request)
    asked = await read_model(request, PluginChange, max_bytes=services.settings.max_body_bytes)
    plugin = find_plugin(services.registry, plugin_id)
    check_id(client_id, "client")
    async with services.database.write() as transaction:
        done = await switch_plugin(
            transaction,
            client_id,
            plugin,
            enabled=asked.enabled,
            is_on_by_default=plugin_id in services.settings.plugins_on_by_default,
            given={name: value for name, value in asked.settings.items() if value is not None},
            cleared=[name for name, value in asked.settings.items() if value is None],
            is_reset=asked.reset,
            revisions=revisions,
            keyring=services.keyring,
            clock=services.clock,
            actor=admin.actor,
        )
    await tell_toggled(services.views, client_id, plugin_id, done)
    _list_tools(services, client_id, plugin)
    return await _state(services, response, client_id, plugin_id)


@router.post(
    "/clients/{client_id}/plugins/{plugin_id}/undo",
    summary="Bring back what was before the last change, secrets included",
    response_model=ClientPluginState,
    openapi_extra=IF_MATCH,
)
async def undo(request: Request, response: Response, client_id: str, plugin_id: str) -> Any:
    """Is itself a change: undoing once more brings back what was undone."""
    services: Services = request.app.state.services
    admin = await services.admins.enter(request)
    revisions = _revisions(request)
    plugin = find_plugin(services.registry, plugin_id)
    check_id(client_id, "client")
    async with services.database.write() as transaction:
        done = await undo_plugin(
            transaction,
            client_id,
            plugin,
            revisions=revisions,
            keyring=services.keyring,
            clock=services.clock,
            actor=admin.actor,
        )
    await tell_toggled(services.views, client_id, plugin_id, done)
    _list_tools(services, client_id, plugin)
    return await _state(services, response, client_id, plugin_id)


@router.get(
    "/clients/{client_id}/plugins/{plugin_id}/preview",
    summary="What switching the plugin would change; nothing is changed",
    response_model=PluginPreview,
)
async def preview(
    request: Request,
    client_id: str,
    plugin_id: str,
    enabled: Annotated[bool, Query(description="Whether it would be on.", examples=[False])],
) -> Any:
    services: Services = request.app.state.services
    await services.admins.enter(request, roles=READERS)
    plugin = find_plugin(services.registry, plugin_id)
    check_id(client_id, "client")
    async with services.database.read() as connection:
        return await preview_plugin(
            connection,
            client_id,
            plugin,
            enabled=enabled,
            views=services.views,
            on_by_default=services.settings.plugins_on_by_default,
        )


def _list_tools(services: Services, client_id: str, plugin: Plugin) -> None:
    """What a backend lists for the client may be others' systems from now on."""
    if plugin.tool_backends:
        services.listings.begin(client_id)


async def _state(services: Services, response: Response, client_id: str, plugin_id: str) -> ClientPluginState:
    find_plugin(services.registry, plugin_id)
    (state,) = await _states(services, client_id, [plugin_id])
    return tagged(response, state, state.revision)


async def _states(services: Services, client_id: str, plugin_ids: list[str]) -> list[ClientPluginState]:
    check_id(client_id, "client")
    async with services.database.read() as connection:
        repository = ClientRepository(connection, client_id)
        await repository.get()  # an unknown client is not found, rather than one without plugins
        rows = await repository.plugins()
    return [
        describe(
            services.registry.plugins[plugin_id],
            rows.get(plugin_id),
            client_id=client_id,
            on_by_default=services.settings.plugins_on_by_default,
            keyring=services.keyring,
        )
        for plugin_id in sorted(plugin_ids)
    ]


def _revisions(request: Request) -> list[int] | None:
    """The revisions that `If-Match` names; None for any."""
    tags = named_tags(request)
    if tags is None:
        return None
    return [int(tag) for tag in tags if tag.isascii() and tag.isdigit() and len(tag) < 10]
