"""A client's plugins: switching and setting them, and taking that back. Servers follow at the next turn."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from csai_sdk import Clock
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.admins.action import Action
from csai.admins.audit import SYSTEM, Actor, record
from csai.channels.repository import AccountRepository
from csai.clients.repository import ClientPluginRow, ClientRepository
from csai.integrations.repository import ConnectionRepository
from csai.kit.crypto import Keyring
from csai.kit.problem import Problem
from csai.plugins.discovery import entry_points
from csai.plugins.owned import OwnedSettings
from csai.plugins.registry import Plugin, PluginRegistry
from csai.plugins.stored import StoredSettings, owner_of


@dataclass(frozen=True, slots=True)
class PluginState:
    """A plugin as a client has it after a change; of secrets only the names."""

    enabled: bool
    settings: Mapping[str, Any]
    secrets: tuple[str, ...]
    is_toggled: bool = False
    """Whether it was off before and is on now, or the other way round."""
    config_version: int = 0
    """The client's version with this change in it; 0 where nothing was changed."""


def find_plugin(registry: PluginRegistry, plugin_id: str) -> Plugin:
    """Raises `Problem`."""
    if plugin_id not in registry.plugins:
        there = ", ".join(sorted(registry.plugins)) or "none"
        raise Problem(404, "plugin_unknown", f"There is no plugin '{plugin_id[:64]}'. Loaded: {there}.")
    return registry.plugins[plugin_id]


def owned_settings(plugin: Plugin, client_id: str, keyring: Keyring) -> OwnedSettings:
    """A client's settings of a plugin."""
    return OwnedSettings(
        f"The plugin {plugin.id}", plugin.settings_model, owner_of(client_id, plugin.id), keyring
    )


async def switch_plugin(
    transaction: AsyncConnection,
    client_id: str,
    plugin: Plugin,
    *,
    enabled: bool | None = None,
    is_on_by_default: bool = False,
    given: Mapping[str, Any],
    cleared: Collection[str] = (),
    is_reset: bool = False,
    revisions: Collection[int] | None = None,
    keyring: Keyring,
    clock: Clock,
    actor: Actor = SYSTEM,
) -> PluginState:
    """Switch a plugin and change some of its settings; what is not named stays as it is.

    `is_reset` forgets all that was set before. `revisions` are those the change may be made on; None is any.
    Raises `Problem` for a setting that the plugin does not have, a value that does not fit, and a revision
    that is over.
    """
    settings = owned_settings(plugin, client_id, keyring)
    settings.check_names([*given, *cleared])
    repository = ClientRepository(transaction, client_id)
    await repository.lock()
    found = (await repository.plugins()).get(plugin.id)
    row = found or ClientPluginRow(is_on_by_default, {}, None)
    _check_revision(row, revisions)
    stored = StoredSettings(row.settings, row.secrets, row.settings_version)
    is_on = row.enabled if enabled is None else enabled
    if not is_on and not (given or cleared or is_reset):
        # Also where the settings cannot be used: switching off must always do.
        changed = stored
    else:
        changed = settings.changed(stored, given=given, cleared=cleared, is_reset=is_reset)
    await _check_secrets_elsewhere(transaction, client_id, plugin, settings.moved(stored, changed))
    if found and is_on == row.enabled and settings.is_same(stored, changed):
        return PluginState(is_on, stored.shown, settings.secret_names(stored))
    return await _write(
        transaction,
        client_id,
        plugin.id,
        row=row,
        enabled=is_on,
        stored=changed,
        action="plugin.switched" if is_on != row.enabled else "plugin.set",
        named=sorted({*given, *cleared}),
        secret_names=settings.secret_names,
        clock=clock,
        actor=actor,
    )


async def switch_off(
    transaction: AsyncConnection,
    client_id: str,
    plugin_id: str,
    *,
    is_on_by_default: bool,
    clock: Clock,
    actor: Actor,
) -> PluginState:
    """Switch off a plugin that need not be loaded: also when it is what is wrong. Its settings stay.

    Nothing is said of its secrets, which only it knows the names of. Raises `Problem`.
    """
    repository = ClientRepository(transaction, client_id)
    await repository.lock()
    row = (await repository.plugins()).get(plugin_id)
    if row is None and plugin_id not in (installed := {point.name for point in entry_points()}):
        there = ", ".join(sorted(installed)) or "none"
        raise Problem(404, "plugin_unknown", f"There is no plugin '{plugin_id[:64]}'. Installed: {there}.")
    row = row or ClientPluginRow(is_on_by_default, {}, None)
    if not row.enabled:
        return PluginState(False, row.settings, ())
    return await _write(
        transaction,
        client_id,
        plugin_id,
        row=row,
        enabled=False,
        stored=StoredSettings(row.settings, row.secrets, row.settings_version),
        action="plugin.switched",
        named=[],
        secret_names=None,
        clock=clock,
        actor=actor,
    )


async def undo_plugin(
    transaction: AsyncConnection,
    client_id: str,
    plugin: Plugin,
    *,
    revisions: Collection[int] | None = None,
    keyring: Keyring,
    clock: Clock,
    actor: Actor = SYSTEM,
) -> PluginState:
    """Bring back what was before the last change, secrets included. Undoing once more brings that back.

    Raises `Problem` where there is nothing to undo.
    """
    repository = ClientRepository(transaction, client_id)
    await repository.lock()
    row = (await repository.plugins()).get(plugin.id)
    _check_revision(row or ClientPluginRow(False, {}, None), revisions)
    if row is None or row.previous is None:
        raise Problem(409, "nothing_to_undo", f"The plugin {plugin.id} has not been changed for this client.")
    settings = owned_settings(plugin, client_id, keyring)
    stored = StoredSettings(row.settings, row.secrets, row.settings_version)
    undone = StoredSettings(row.previous["settings"], row.previous_secrets, row.previous["settings_version"])
    await _check_secrets_elsewhere(transaction, client_id, plugin, settings.moved(stored, undone))
    return await _write(
        transaction,
        client_id,
        plugin.id,
        row=row,
        enabled=row.previous["enabled"],
        stored=undone,
        action="plugin.undone",
        named=[],
        secret_names=settings.secret_names,
        clock=clock,
        actor=actor,
    )


async def _write(
    transaction: AsyncConnection,
    client_id: str,
    plugin_id: str,
    *,
    row: ClientPluginRow,
    enabled: bool,
    stored: StoredSettings,
    action: Action,
    named: list[str],
    secret_names: Callable[[StoredSettings], tuple[str, ...]] | None,
    clock: Clock,
    actor: Actor,
) -> PluginState:
    """Store the new state with the one before it, and tell the audit log.

    `secret_names` tells which secrets are set; None where nobody can know.
    """
    now = clock.now()
    before = StoredSettings(row.settings, row.secrets, row.settings_version)
    version = await ClientRepository(transaction, client_id).set_plugin(
        plugin_id,
        enabled=enabled,
        settings=stored.shown,
        secrets=stored.secrets,
        settings_version=stored.version,
        previous={
            "enabled": row.enabled,
            "settings": dict(row.settings),
            "settings_version": row.settings_version,
        },
        previous_secrets=row.secrets,
        now=now,
    )

    def audited(is_on: bool, settings: StoredSettings) -> dict[str, Any]:
        names = {"secrets": list(secret_names(settings))} if secret_names else {}
        return {"enabled": is_on, "settings": dict(settings.shown), **names}

    await record(
        transaction,
        actor,
        action,
        object=f"plugin:{plugin_id}",
        client_id=client_id,
        before=audited(row.enabled, before),
        after={**audited(enabled, stored), "named": named},
        at=now,
    )
    return PluginState(
        enabled,
        stored.shown,
        secret_names(stored) if secret_names else (),
        is_toggled=enabled != row.enabled,
        config_version=version,
    )


async def _check_secrets_elsewhere(
    transaction: AsyncConnection, client_id: str, plugin: Plugin, moved: Collection[str]
) -> None:
    """What is `moved` may say where the secrets of the plugin's accounts and connections go, too."""
    if not moved:
        return
    channels = [channel.id for channel in plugin.channels]
    integrations = [integration.id for integration in plugin.integrations]
    holding = [
        *await AccountRepository(transaction, client_id).holding_secrets(channels),
        *await ConnectionRepository(transaction, client_id).holding_secrets(integrations),
    ]
    if holding:
        raise Problem(
            409,
            "secrets_elsewhere",
            f"The plugin {plugin.id}: {', '.join(moved)} says where secrets of these are sent: "
            f"{', '.join(holding)}. Take their secrets back there, or delete them; then change it, and "
            "give the secrets anew.",
        )


def _check_revision(row: ClientPluginRow, revisions: Collection[int] | None) -> None:
    if revisions is not None and row.revision not in revisions:
        raise Problem(
            412,
            "changed_meanwhile",
            "Somebody else has changed this plugin since you read it. Read it again, and repeat your change.",
            headers={"ETag": f'"{row.revision}"'},
        )
