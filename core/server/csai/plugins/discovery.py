"""Finding and importing plugins: stevedore finds, nothing here calls a hook."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from importlib import metadata
from importlib.metadata import EntryPoint
from typing import Any

from stevedore import NamedExtensionManager

from csai.plugins.sdk_version import SDK, installed_sdk, wrong_sdk

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


def candidates(allowed: Collection[str]) -> tuple[dict[str, EntryPoint], list[Quarantined]]:
    """What may be imported, as far as that can be told without doing it; an empty `allowed` allows all.

    A name that two distributions claim is refused for both: stevedore would let the last one win.
    """
    by_name: dict[str, list[EntryPoint]] = defaultdict(list)
    for point in entry_points():
        if not allowed or point.name in allowed:
            by_name[point.name].append(point)
    fit: dict[str, EntryPoint] = {}
    quarantined: list[Quarantined] = []
    for name, points in by_name.items():
        refused = _refuse_duplicates(points) or _refuse_other_sdk(points[0])
        if refused is None:
            fit[name] = points[0]
        else:
            quarantined.append(refused)
    return fit, quarantined


def discover(
    allowed: Collection[str],
    *,
    kept_out: Mapping[str, Quarantined] | None = None,
    disabled: Collection[str] = (),
) -> tuple[list[Found], list[Quarantined]]:
    """Import the installed plugins that the operator allows, but for what is `kept_out` or `disabled`."""
    kept_out = kept_out or {}
    fit, quarantined = candidates(allowed)
    found: list[Found] = []
    for name, point in fit.items():
        if name in disabled:
            continue
        result = kept_out.get(name) or _import(name, point)
        if isinstance(result, Found):
            found.append(result)
        else:
            quarantined.append(result)
    return found, quarantined


def _refuse_duplicates(points: list[EntryPoint]) -> Quarantined | None:
    claims = sorted({f"{distribution_of(point)[0]} ({point.value})" for point in points})
    if len(claims) == 1:
        return None
    return Quarantined(
        points[0].name,
        *distribution_of(points[0]),
        cause=f"the name is claimed by {' and '.join(claims)}",
        remedy="uninstall one of them, or ask its author to rename its entry point",
    )


def _refuse_other_sdk(point: EntryPoint) -> Quarantined | None:
    needed = wrong_sdk(point.dist) if point.dist else None
    if needed is None:
        return None
    return Quarantined(
        point.name,
        *distribution_of(point),
        cause=f"it needs {needed}, and {SDK} {installed_sdk()} is installed",
        remedy="install a version of it that is made for this SDK, or the csai that it was made for",
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
            return Found(name, extension.plugin, *distribution_of(point))
    # stevedore lets AssertionError through, and `sys.exit` at import is no Exception at all.
    except (Exception, SystemExit) as error:  # noqa: BLE001
        failures.append(error)
    cause = failures[0] if failures else ImportError("it could not be found")
    return Quarantined(
        name,
        *distribution_of(point),
        cause=f"importing it raised {type(cause).__name__}: {cause}",
        remedy="reinstall it, or report this to its author; leave it out of CSAI_PLUGINS to run without it",
    )


def distribution_of(point: EntryPoint) -> tuple[str, str]:
    """Its name and version."""
    return (point.dist.name, point.dist.version) if point.dist else ("unknown", "unknown")
