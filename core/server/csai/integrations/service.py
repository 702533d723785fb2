"""A client's connections to its own systems: made, changed, switched, tested and deleted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import structlog
from csai_sdk import Clock, ConnectionCheck, Integration, PluginContext
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.admins.audit import Actor, record
from csai.clients.repository import ClientRepository
from csai.database import Database
from csai.integrations.offer import Opener, connection_settings, stored_settings
from csai.integrations.repository import ConnectionRepository, ConnectionRow
from csai.kit.crypto import Keyring
from csai.kit.identifier import new_id
from csai.kit.precondition import check_revision
from csai.kit.problem import Problem
from csai.kit.text import clean, is_clean
from csai.plugins.left import on_behalf, tasks_of
from csai.plugins.registry import PluginRegistry
from csai.plugins.stored import SettingsFault, StoredSettings, secrets_in
from csai.plugins.view import ClientViews

log = structlog.get_logger(__name__)

MAX_CONNECTIONS = 50
MAX_NAME_CHARS = 200
MAX_DETAIL_CHARS = 500
CHECK_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class ConnectionChange:
    """What is to be different; None, and settings that are not named, stay as they are."""

    name: str | None = None
    enabled: bool | None = None
    given: Mapping[str, Any] | None = None
    cleared: Collection[str] = ()


def find_integration(registry: PluginRegistry, integration_type: str) -> tuple[str, Integration]:
    """The integration, and the plugin it is of. Raises `Problem`."""
    if integration_type not in registry.integrations:
        there = ", ".join(sorted(registry.integrations)) or "none"
        raise Problem(
            422,
            "integration_unknown",
            f"There is no integration '{integration_type[:64]}'. Installed: {there}.",
        )
    return registry.integrations[integration_type]


async def add_connection(
    transaction: AsyncConnection,
    client_id: str,
    integration_type: str,
    change: ConnectionChange,
    *,
    registry: PluginRegistry,
    keyring: Keyring,
    clock: Clock,
    actor: Actor,
) -> str:
    """Make a connection; its id. Raises `Problem`."""
    _plugin, integration = find_integration(registry, integration_type)
    await ClientRepository(transaction, client_id).lock()
    repository = ConnectionRepository(transaction, client_id)
    rows = await repository.all()
    if len(rows) >= MAX_CONNECTIONS:
        raise Problem(409, "too_many_integrations", f"A client has at most {MAX_CONNECTIONS} connections.")
    name = _checked_name(change.name or integration_type, rows)
    integration_id = new_id()
    settings = connection_settings(integration, client_id, None, id_=integration_id, keyring=keyring)
    given = change.given or {}
    settings.check_names(given)
    stored = settings.changed(
        StoredSettings({}, None, integration.connection_settings.settings_version), given=given
    )
    is_on = change.enabled is not False
    await repository.add(
        id=integration_id,
        integration_type=integration_type,
        name=name,
        enabled=is_on,
        created_at=clock.now(),
        **_columns(stored),
    )
    await ClientRepository(transaction, client_id).bump()
    await record(
        transaction,
        actor,
        "integration.added",
        object=f"integration:{integration_id}",
        client_id=client_id,
        after={
            "type": integration_type,
            **_audited(name, is_on, stored, settings.secret_names(stored)),
        },
        at=clock.now(),
    )
    return integration_id


async def change_connection(
    transaction: AsyncConnection,
    client_id: str,
    integration_id: str,
    change: ConnectionChange,
    *,
    tags: Collection[str] | None,
    registry: PluginRegistry,
    keyring: Keyring,
    clock: Clock,
    actor: Actor,
) -> None:
    """Raises `Problem`. Switching off also works for what cannot be used or is of no loaded plugin."""
    await ClientRepository(transaction, client_id).lock()
    repository = ConnectionRepository(transaction, client_id)
    row = await repository.get(integration_id)
    check_revision(row.revision, tags)
    given = change.given or {}
    stored = changed = stored_settings(row)
    secrets: tuple[tuple[str, ...], ...] = ((), ())
    left: dict[str, None] = {}
    if given or change.cleared or change.enabled or row.integration_type in registry.integrations:
        _plugin, integration = find_integration(registry, row.integration_type)
        settings = connection_settings(integration, client_id, row, id_=row.id, keyring=keyring)
        settings.check_names([*given, *change.cleared])
        if given or change.cleared or change.enabled:
            changed = settings.changed(stored, given=given, cleared=change.cleared)
        if given or change.cleared:
            # A consent under way was asked for by the settings as they were.
            left["consent_nonce"] = None
        if settings.moved(stored, changed):
            left["tokens_encrypted"] = None
        secrets = settings.secret_names(stored), settings.secret_names(changed)
    name = row.name
    if change.name is not None and change.name != row.name:
        name = _checked_name(change.name, await repository.all())
    is_on = row.enabled if change.enabled is None else change.enabled
    await repository.update(
        row.id,
        name=name,
        enabled=is_on,
        revision=row.revision + 1,
        updated_at=clock.now(),
        **_columns(changed),
        **left,
    )
    await ClientRepository(transaction, client_id).bump()
    await record(
        transaction,
        actor,
        "integration.changed",
        object=f"integration:{row.id}",
        client_id=client_id,
        before=_audited(row.name, row.enabled, stored, secrets[0]),
        after={
            **_audited(name, is_on, changed, secrets[1]),
            "named": sorted({*given, *change.cleared}),
        },
        at=clock.now(),
    )


async def delete_connection(
    transaction: AsyncConnection,
    client_id: str,
    integration_id: str,
    *,
    tags: Collection[str] | None,
    clock: Clock,
    actor: Actor,
) -> None:
    """With its endpoints and the tools that they are offered as. Raises `Problem`."""
    await ClientRepository(transaction, client_id).lock()
    repository = ConnectionRepository(transaction, client_id)
    row = await repository.get(integration_id)
    check_revision(row.revision, tags)
    await repository.delete(row.id)
    await ClientRepository(transaction, client_id).bump()
    await record(
        transaction,
        actor,
        "integration.deleted",
        object=f"integration:{row.id}",
        client_id=client_id,
        before={"type": row.integration_type, "name": row.name, "enabled": row.enabled},
        at=clock.now(),
    )


async def test_connection(
    client_id: str,
    integration_id: str,
    *,
    database: Database,
    views: ClientViews,
    registry: PluginRegistry,
    keyring: Keyring,
    clock: Clock,
    actor: Actor,
) -> ConnectionCheck:
    """Try it, changing nothing there, and keep what came of it. Raises `Problem` where it cannot be tried."""
    async with database.read() as connection:
        version = (await ClientRepository(connection, client_id).get()).config_version
        row = await ConnectionRepository(connection, client_id).get(integration_id)
    plugin, integration = find_integration(registry, row.integration_type)
    async with plugin_context(views, client_id, plugin, version=version) as ctx:
        check = await _check(integration, row, Opener(client_id, database, keyring, clock), ctx=ctx)
    async with database.write() as transaction:
        await ConnectionRepository(transaction, client_id).update(
            row.id,
            last_sync_test=clock.now(),
            last_test_ok=check.is_ok,
            last_test_detail=check.detail,
        )
        await record(
            transaction,
            actor,
            "integration.tested",
            object=f"integration:{row.id}",
            client_id=client_id,
            after={"is_ok": check.is_ok},
            at=clock.now(),
        )
    return check


@asynccontextmanager
async def plugin_context(
    views: ClientViews, client_id: str, plugin: str, *, version: int
) -> AsyncIterator[PluginContext]:
    """A plugin's view of a client, for a call that no turn makes. Raises `Problem` where it is off."""
    view = await views.get(client_id, version)
    views.hold(view)
    try:
        if plugin not in view.contexts:
            raise Problem(
                409,
                "plugin_off",
                f"The plugin {plugin} is off for this client, or its settings cannot be used. "
                f"Switch it on first: csai client plugin {client_id} {plugin} --on",
            )
        yield view.contexts[plugin]
    finally:
        await views.release(view)


async def _check(
    integration: Integration, row: ConnectionRow, opener: Opener, *, ctx: PluginContext
) -> ConnectionCheck:
    """Whatever the plugin does, an outcome that can be shown."""
    settings = opener.settings(row, integration)
    try:
        own = settings.own(stored_settings(row))
        connection = opener.open(row, integration)
    except SettingsFault as fault:
        return ConnectionCheck(False, f"The settings cannot be used: {fault.cause}."[:MAX_DETAIL_CHARS])
    try:
        with on_behalf(tasks_of(ctx)):
            async with asyncio.timeout(CHECK_TIMEOUT_S):
                check = await integration.check(connection, ctx)
    except TimeoutError:
        return ConnectionCheck(False, "The system did not answer in time.")
    except (Exception, SystemExit):
        log.exception("an integration's check raised", integration=row.id, client_id=opener.client_id)
        return ConnectionCheck(False, "The check failed for a reason of its own; the log says which.")
    detail = clean(check.detail)[:MAX_DETAIL_CHARS]
    if any(secret and secret in detail for secret in secrets_in(settings.model, own)):
        detail = "The system refused the connection." if not check.is_ok else ""
    return replace(check, detail=detail)


def _checked_name(name: str, rows: Collection[ConnectionRow]) -> str:
    name = name.strip()
    if not 1 <= len(name) <= MAX_NAME_CHARS or not name.isprintable() or not is_clean(name):
        raise Problem(
            422, "name_invalid", f"A connection's name has 1 to {MAX_NAME_CHARS} printable characters."
        )
    if any(row.name == name for row in rows):
        raise Problem(409, "name_taken", "The client has a connection of that name. Choose another name.")
    return name


def _columns(stored: StoredSettings) -> dict[str, Any]:
    return {
        "settings": dict(stored.shown),
        "connection_config": stored.secrets,
        "settings_version": stored.version,
    }


def _audited(name: str, enabled: bool, stored: StoredSettings, secrets: tuple[str, ...]) -> dict[str, Any]:
    return {"name": name, "enabled": enabled, "settings": dict(stored.shown), "secrets": list(secrets)}
