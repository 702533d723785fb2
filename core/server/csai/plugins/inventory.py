"""What is installed, and whether it is in use."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from csai.plugins.discovery import entry_points
from csai.plugins.registry import Plugin, PluginRegistry


@dataclass(frozen=True, slots=True)
class Listed:
    """One installed plugin, as this process has it.

    `state`: loaded, degraded (a part of it is in trouble), quarantined, or not allowed (by CSAI_PLUGINS, or
    by `csai plugins disable`).
    """

    id: str
    kinds: list[str]
    distribution: str
    version: str
    state: str
    cause: str | None = None
    remedy: str | None = None


def known(registry: PluginRegistry) -> list[Listed]:
    """What this process has, or keeps out."""
    loaded = [_loaded(plugin, registry) for plugin in registry.plugins.values()]
    return loaded + [
        Listed(item.id, [], item.distribution, item.version, "quarantined", item.cause, item.remedy)
        for item in registry.quarantined.values()
    ]


def listing(allowed: Collection[str], registry: PluginRegistry) -> list[Listed]:
    """Every installed plugin, in the order of their ids. Reads the files of whatever pip has installed."""
    listed = known(registry)
    listed += [
        Listed(
            point.name,
            [],
            *(point.dist.name, point.dist.version) if point.dist else ("", ""),
            "not allowed",
            cause="CSAI_PLUGINS does not name it" if _is_left_out(point.name, allowed) else "it is disabled",
            remedy="add it to CSAI_PLUGINS and restart"
            if _is_left_out(point.name, allowed)
            else f"csai plugins enable {point.name}, and restart",
        )
        for point in entry_points()
        if point.name not in registry.plugins and point.name not in registry.quarantined
    ]
    return sorted(listed, key=lambda item: item.id)


def _loaded(plugin: Plugin, registry: PluginRegistry) -> Listed:
    about = (plugin.id, plugin.kinds, plugin.distribution, plugin.version)
    trouble = registry.health.degraded().get(plugin.id)
    if trouble is None:
        return Listed(*about, "loaded")
    return Listed(*about, "degraded", trouble.cause, trouble.remedy)


def _is_left_out(name: str, allowed: Collection[str]) -> bool:
    return bool(allowed) and name not in allowed
