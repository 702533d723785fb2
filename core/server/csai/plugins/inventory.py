"""What is installed, and whether it is in use."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from csai.plugins.discovery import entry_points
from csai.plugins.registry import PluginRegistry


@dataclass(frozen=True, slots=True)
class Listed:
    """One installed plugin. `state`: loaded, quarantined, or not allowed (by CSAI_PLUGINS)."""

    id: str
    kinds: list[str]
    distribution: str
    version: str
    state: str
    cause: str | None = None
    remedy: str | None = None


def listing(allowed: Collection[str], registry: PluginRegistry) -> list[Listed]:
    """Every installed plugin, in the order of their ids."""
    listed = [
        Listed(plugin.id, plugin.kinds, plugin.distribution, plugin.version, "loaded")
        for plugin in registry.plugins.values()
    ]
    listed += [
        Listed(item.id, [], item.distribution, item.version, "quarantined", item.cause, item.remedy)
        for item in registry.quarantined.values()
    ]
    listed += [
        Listed(
            point.name,
            [],
            *(point.dist.name, point.dist.version) if point.dist else ("", ""),
            "not allowed",
            cause="CSAI_PLUGINS does not name it",
            remedy="add it to CSAI_PLUGINS and restart",
        )
        for point in entry_points()
        if allowed and point.name not in allowed
    ]
    return sorted(listed, key=lambda item: item.id)
