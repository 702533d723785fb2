"""Switching a client's plugins and tools, with their settings. Running servers follow at the next turn."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from csai_sdk import Clock, HttpError, PluginSettings
from pydantic import SecretStr, TypeAdapter, ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.clients.repository import ClientPluginRow, ClientRepository
from csai.kit.crypto import DecryptError, Keyring
from csai.kit.outbound import BAD_URL, http_target
from csai.kit.problem import Problem
from csai.plugins.context import resolve_settings
from csai.plugins.discovery import entry_points
from csai.plugins.registry import Plugin, PluginRegistry
from csai.tools.python import PythonBackend
from csai.tools.repository import SwitchedTool, ToolRepository

MAX_URL_CHARS = 2_000
MAX_TIMEOUT_S = 120


@dataclass(frozen=True, slots=True)
class PluginState:
    """A plugin as a client has it; of secrets only the names."""

    enabled: bool
    settings: Mapping[str, Any]
    secrets: tuple[str, ...]


def find_plugin(registry: PluginRegistry, plugin_id: str) -> Plugin:
    """Raises `Problem`."""
    if plugin_id not in registry.plugins:
        there = ", ".join(sorted(registry.plugins)) or "none"
        raise Problem(404, "plugin_unknown", f"There is no plugin '{plugin_id[:64]}'. Loaded: {there}.")
    return registry.plugins[plugin_id]


async def switch_plugin(
    transaction: AsyncConnection,
    client_id: str,
    plugin: Plugin,
    *,
    enabled: bool | None = None,
    is_on_by_default: bool = False,
    given: Mapping[str, str],
    cleared: Collection[str] = (),
    keyring: Keyring,
    clock: Clock,
) -> PluginState:
    """Switch a plugin and change some of its settings, given as text; what is not named stays as it is.

    Raises `Problem` for a setting that the plugin does not have, or a value that does not fit.
    """
    model = plugin.settings_model
    _check_names(plugin, [*given, *cleared])
    secret_names = {name for name in model.model_fields if _is_secret(model, name)}
    owner = f"client:{client_id}/plugin:{plugin.id}"
    repository = ClientRepository(transaction, client_id)
    row = (await repository.plugins()).get(plugin.id, ClientPluginRow(is_on_by_default, {}, None))
    own = dict(row.settings) | _secrets(row, owner, keyring, is_replaced=bool(secret_names & given.keys()))
    own |= {name: _value(model, name, text) for name, text in given.items()}
    own = {name: value for name, value in own.items() if name not in cleared}
    shown, secrets = _checked(model, own, secret_names)
    enabled = row.enabled if enabled is None else enabled
    await repository.set_plugin(
        plugin.id,
        enabled=enabled,
        settings=shown,
        secrets=keyring.encrypt(json.dumps(secrets), owner) if secrets else None,
        now=clock.now(),
    )
    return PluginState(enabled, shown, tuple(sorted(secrets)))


async def switch_off(
    transaction: AsyncConnection, client_id: str, plugin_id: str, *, clock: Clock
) -> PluginState:
    """Switch off a plugin that need not be loaded; its settings stay as they are. Raises `Problem`."""
    repository = ClientRepository(transaction, client_id)
    row = (await repository.plugins()).get(plugin_id)
    installed = {point.name for point in entry_points()}
    if row is None and plugin_id not in installed:
        there = ", ".join(sorted(installed)) or "none"
        raise Problem(404, "plugin_unknown", f"There is no plugin '{plugin_id[:64]}'. Installed: {there}.")
    row = row or ClientPluginRow(False, {}, None)
    await repository.set_plugin(
        plugin_id, enabled=False, settings=row.settings, secrets=row.secrets, now=clock.now()
    )
    return PluginState(False, row.settings, ())


async def switch_tool(
    transaction: AsyncConnection,
    client_id: str,
    tool_name: str,
    *,
    enabled: bool | None = None,
    webhook_url: str | None = None,
    timeout_s: float | None = None,
) -> SwitchedTool:
    """Switch a tool of the catalog and say where it is answered; None keeps what was. Raises `Problem`."""
    repository = ToolRepository(transaction, client_id)
    tool = await repository.get(tool_name)
    config = dict(tool.config)
    if webhook_url is not None:
        _check_url(webhook_url)
    if timeout_s is not None:
        if not 0 < timeout_s <= MAX_TIMEOUT_S:
            raise Problem(
                422, "tool_timeout_invalid", f"A tool's timeout is more than 0 and at most {MAX_TIMEOUT_S} s."
            )
        config["timeout_s"] = timeout_s
    changed = SwitchedTool(
        tool.backend,
        tool.plugin,
        tool.enabled if enabled is None else enabled,
        webhook_url or tool.webhook_url,
        config,
    )
    await repository.put(
        tool_name, enabled=changed.enabled, webhook_url=changed.webhook_url, config=changed.config
    )
    await ClientRepository(transaction, client_id).bump()
    return changed


async def tool_obstacles(
    connection: AsyncConnection,
    client_id: str,
    tool: SwitchedTool,
    *,
    registry: PluginRegistry,
    on_by_default: Collection[str],
) -> list[str]:
    """What keeps a tool that is on from being used, each with what to do about it."""
    obstacles = []
    is_function = tool.backend == PythonBackend.id
    if not is_function and tool.webhook_url is None:
        obstacles.append("it has no address to call: --webhook URL")
    plugin_id = tool.plugin if is_function else registry.tool_backends.get(tool.backend, (None,))[0]
    if plugin_id is None or plugin_id not in registry.plugins:
        obstacles.append(f"its plugin is not loaded ({plugin_id or tool.backend}): csai plugins doctor")
        return obstacles
    row = (await ClientRepository(connection, client_id).plugins()).get(plugin_id)
    if not (row.enabled if row else plugin_id in on_by_default):
        obstacles.append(
            f"the plugin {plugin_id} is off for this client: csai client plugin {client_id} {plugin_id} --on"
        )
    return obstacles


def _check_names(plugin: Plugin, names: Collection[str]) -> None:
    unknown = [name for name in names if name not in plugin.settings_model.model_fields]
    if unknown:
        there = ", ".join(plugin.settings_model.model_fields) or "none"
        raise Problem(
            422,
            "setting_unknown",
            f"The plugin {plugin.id} has no setting '{unknown[0][:64]}'. It has: {there}.",
        )


def _is_secret(model: type[PluginSettings], name: str) -> bool:
    annotation = model.model_fields[name].annotation
    return SecretStr in (annotation, *get_args(annotation))


def _secrets(row: ClientPluginRow, owner: str, keyring: Keyring, *, is_replaced: bool) -> dict[str, Any]:
    if not row.secrets:
        return {}
    try:
        secrets: dict[str, Any] = json.loads(keyring.decrypt(row.secrets, owner))
    except DecryptError as error:
        if is_replaced:
            return {}
        raise Problem(409, "secret_unreadable", str(error)) from None
    return secrets


def _value(model: type[PluginSettings], name: str, text: str) -> Any:
    """The text itself where it fits the setting, else what it says as JSON: a list, an object, null."""
    try:
        TypeAdapter(model.model_fields[name].rebuild_annotation()).validate_python(text)
    except ValidationError:
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def _checked(
    model: type[PluginSettings], own: Mapping[str, Any], secret_names: Collection[str]
) -> tuple[dict[str, Any], dict[str, str]]:
    """The client's own settings in their stored form: those to be shown, and the secrets."""
    own_secrets = [str(own[name]) for name in secret_names if name in own]
    try:
        settings, _client_set = resolve_settings(model, own=own)
    except ValidationError as error:
        raise Problem(422, "setting_invalid", _faults(error, own_secrets)) from None
    shown = settings.model_dump(mode="json", include=set(own) - set(secret_names))
    given = {name: getattr(settings, name) for name in secret_names if name in own}
    return shown, {name: value.get_secret_value() for name, value in given.items() if value is not None}


def _faults(error: ValidationError, own_secrets: Collection[str]) -> str:
    """What does not fit, without the words of a validator that quotes a secret."""
    faults = []
    for item in error.errors(include_input=False, include_url=False):
        name = str(item["loc"][0]) if item["loc"] else "settings"
        is_quoting = any(secret in item["msg"] for secret in own_secrets if secret)
        said = item["msg"].removeprefix("Value error, ")
        faults.append(f"{name}: {'does not fit' if is_quoting else said}")
    return "; ".join(dict.fromkeys(faults))


def _check_url(url: str) -> None:
    try:
        http_target(url)
    except HttpError:
        raise Problem(422, "webhook_url_invalid", f"The webhook: {BAD_URL}.") from None
    if len(url) > MAX_URL_CHARS or not url.isprintable():
        raise Problem(
            422, "webhook_url_invalid", f"The webhook's URL has at most {MAX_URL_CHARS} printable characters."
        )
