"""Telling plugins that one of them was switched, when that is stored."""

from __future__ import annotations

import structlog
from csai_sdk import event

from csai.clients.plugin import PluginState
from csai.plugins.view import ClientViews

log = structlog.get_logger(__name__)


async def tell_toggled(views: ClientViews, client_id: str, plugin_id: str, done: PluginState) -> None:
    """Best effort, after the commit. Told are the plugins that the client has from now on."""
    if not done.is_toggled:
        return
    try:
        view = await views.get(client_id, done.config_version)
        views.hold(view)
        try:
            await view.hooks.tell("plugin_toggled", event.PluginToggled(client_id, plugin_id, done.enabled))
        finally:
            await views.release(view)
    except Exception:
        log.exception("plugins were not told of a toggle", plugin=plugin_id, client_id=client_id)
