"""Building what a plugin is handed: its settings for one client, and narrow doors to the rest."""

from __future__ import annotations

import asyncio
import inspect
import logging
import os
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, TypeVar

import structlog
from csai_sdk import Clock, HttpClient, PluginContext, PluginSettings, Transports
from csai_sdk.store import Store

from csai.plugins.field import from_environment
from csai.plugins.left import LeftTasks
from csai.plugins.registry import Plugin

log = structlog.get_logger(__name__)
T = TypeVar("T")

CLOSE_S = 10.0


class KeptResources:
    """What one plugin keeps for one client, until the client's configuration changes."""

    def __init__(self, plugin: str = "") -> None:
        self.plugin = plugin
        self._kept: dict[str, Any] = {}
        self.tasks = LeftTasks()

    def get(self, key: str, factory: Callable[[], T]) -> T:
        if key not in self._kept:
            self._kept[key] = factory()
        kept: T = self._kept[key]
        return kept

    async def close(self) -> int:
        """Close what is kept; then end what still runs, and say how much that was."""
        kept, self._kept = list(self._kept.values()), {}
        for resource in kept:
            close = getattr(resource, "aclose", None) or getattr(resource, "close", None)
            if close is None:
                continue
            try:
                result = close()
                if inspect.isawaitable(result):
                    async with asyncio.timeout(CLOSE_S):
                        await result
            except (Exception, SystemExit):
                log.exception("plugin resource did not close", resource=type(resource).__name__)
        return await self.tasks.end()


def resolve_settings(
    model: type[PluginSettings],
    *,
    own: Mapping[str, Any],
    environment: Mapping[str, str] = os.environ,
) -> tuple[PluginSettings, frozenset[str]]:
    """The settings in force, and which of them the client's admin set.

    Raises `pydantic.ValidationError` when a value does not fit its field.
    """
    known = {name: value for name, value in own.items() if name in model.model_fields}
    values = {**from_environment(model, environment, own=known), **known}
    return model.model_validate(values), frozenset(known)


class _PluginLog(logging.LoggerAdapter[logging.Logger]):
    """Says of every record whose it is. The standard adapter drops the fields that the plugin gives."""

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        return msg, {**kwargs, "extra": {**(kwargs.get("extra") or {}), **(self.extra or {})}}


def build_context(
    plugin: Plugin,
    *,
    client_id: str | None,
    own_settings: Mapping[str, Any],
    http: HttpClient,
    transports: Transports,
    clock: Clock,
    resources: KeptResources,
    store: Store,
    tools_changed: Callable[[], None] = lambda: None,
) -> PluginContext:
    """One plugin's view for one client (or for the installation, where `client_id` is None)."""
    settings, client_set = resolve_settings(plugin.settings_model, own=own_settings)
    return PluginContext(
        plugin=plugin.id,
        client_id=client_id,
        settings=settings,
        http=http,
        transports=transports,
        clock=clock,
        log=_PluginLog(
            logging.getLogger(f"csai.plugin.{plugin.id}"), {"plugin": plugin.id, "client_id": client_id}
        ),
        resources=resources,
        store=store,
        client_set=client_set,
        tools_changed=tools_changed,
    )
