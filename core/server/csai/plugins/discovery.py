"""Finding and importing plugins: stevedore finds, nothing here calls a hook."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from importlib import metadata
from importlib.metadata import EntryPoint
from typing import Any

from stevedore import NamedExtensionManager

GROUP = "csai.plugins"


@dataclass(frozen=True, slots=True)
class Found:
    """An imported plugin."""

    id: str
    module: Any
    distribution: str
    version: str


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A plugin that is kept out, with the cause and what to do about it."""

    id: str
    distribution: str
    version: str
    cause: str
    remedy: str


def entry_points() -> list[EntryPoint]:
    """Every installed plugin's entry point, by name; imports none of them."""
    # Not stevedore's list: its cache forgets which distribution an entry point came from.
    return sorted(metadata.entry_points(group=GROUP), key=lambda point: (point.name, point.value))


def discover(allowed: Collection[str]) -> tuple[list[Found], list[Quarantined]]:
    """Import the installed plugins that the operator allows; an empty `allowed` allows all.

    A name that two distributions claim is refused for both: stevedore would let the last one win.
    """
    by_name: dict[str, list[EntryPoint]] = defaultdict(list)
    for point in entry_points():
        if not allowed or point.name in allowed:
            by_name[point.name].append(point)
    found: list[Found] = []
    quarantined: list[Quarantined] = []
    for name, points in by_name.items():
        result = _refuse_duplicates(points) or _import(name, points[0])
        if isinstance(result, Found):
            found.append(result)
        else:
            quarantined.append(result)
    return found, quarantined


def _refuse_duplicates(points: list[EntryPoint]) -> Quarantined | None:
    claims = sorted({f"{_distribution(point)[0]} ({point.value})" for point in points})
    if len(claims) == 1:
        return None
    return Quarantined(
        points[0].name,
        *_distribution(points[0]),
        cause=f"the name is claimed by {' and '.join(claims)}",
        remedy="uninstall one of them, or ask its author to rename its entry point",
    )


def _import(name: str, point: EntryPoint) -> Found | Quarantined:
    failures: list[BaseException] = []
    try:
        manager: NamedExtensionManager[Any] = NamedExtensionManager(
            GROUP,
            names=[name],
            on_load_failure_callback=lambda _manager, _point, error: failures.append(error),
        )
        for extension in manager:
            return Found(name, extension.plugin, *_distribution(point))
    # stevedore lets AssertionError through, and `sys.exit` at import is no Exception at all.
    except (Exception, SystemExit) as error:  # noqa: BLE001
        failures.append(error)
    cause = failures[0] if failures else ImportError("it could not be found")
    return Quarantined(
        name,
        *_distribution(point),
        cause=f"importing it raised {type(cause).__name__}: {cause}",
        remedy="reinstall it, or report this to its author; leave it out of CSAI_PLUGINS to run without it",
    )


def _distribution(point: EntryPoint) -> tuple[str, str]:
    return (point.dist.name, point.dist.version) if point.dist else ("unknown", "unknown")
