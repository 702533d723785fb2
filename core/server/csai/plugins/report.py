"""What is known of every installed plugin, without importing one: for the command line, and for admins."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from csai.config import Settings
from csai.plugins.discovery import Quarantined, distribution_of, entry_points
from csai.plugins.memory import Trouble, Verdict
from csai.plugins.registry import RegistrationError, refuse_taken
from csai.plugins.vetting import plugin_memory, vet

State = Literal["loaded", "degraded", "quarantined", "not allowed"]

RECENT = timedelta(minutes=15)
"""A trouble that no server has told of again for so long no longer makes a plugin degraded."""


@dataclass(frozen=True, slots=True)
class Report:
    """One installed plugin. `not allowed` is what CSAI_PLUGINS or `csai plugins disable` leaves out."""

    id: str
    kinds: tuple[str, ...]
    distribution: str
    version: str
    state: State
    cause: str | None = None
    remedy: str | None = None
    verdict: Verdict | None = None
    """What came of trying it."""
    trouble: Trouble | None = None
    """The last that a running server told of."""

    @property
    def is_wrong(self) -> bool:
        return self.state in ("degraded", "quarantined")


def plugin_reports(settings: Settings, *, again: Collection[str] = ()) -> list[Report]:
    """Every installed plugin, in the order of ids; what is new, or named by `again`, is tried first."""
    memory = plugin_memory(settings)
    vetted = vet(settings, again=again)
    taken = _taken(vetted.verdicts)
    reports = [_refused(item) for item in vetted.refused]
    for name, point in vetted.points.items():
        verdict = vetted.verdicts.get(name)
        trouble = memory.trouble(name)
        about = (name, verdict.kinds if verdict else (), *distribution_of(point))
        if name in vetted.disabled:
            cause, remedy = "csai plugins disable", f"csai plugins enable {name}"
            reports.append(Report(*about, "not allowed", cause, remedy, verdict, trouble))
        elif verdict is not None and verdict.outcome != "ok":
            reports.append(Report(*about, "quarantined", verdict.cause, verdict.remedy, verdict, trouble))
        elif name in taken:
            reports.append(Report(*about, "quarantined", *taken[name], verdict, trouble))
        elif trouble is not None and trouble.is_open and _is_recent(trouble):
            reports.append(Report(*about, "degraded", trouble.cause, trouble.remedy, verdict, trouble))
        else:
            reports.append(Report(*about, "loaded", None, None, verdict, trouble))
    seen = {report.id for report in reports}
    for point in entry_points():
        if point.name not in seen:
            seen.add(point.name)
            reports.append(Report(point.name, (), *distribution_of(point), "not allowed"))
    return sorted(reports, key=lambda report: report.id)


def _refused(item: Quarantined) -> Report:
    return Report(item.id, (), item.distribution, item.version, "quarantined", item.cause, item.remedy)


def _taken(verdicts: Mapping[str, Verdict]) -> dict[str, tuple[str, str]]:
    """Plugins that register what an earlier one has: cause and remedy, as the registry finds them."""
    owners: dict[str, dict[str, str]] = {}
    found: dict[str, tuple[str, str]] = {}
    for plugin, verdict in sorted(verdicts.items()):
        if verdict.outcome != "ok":
            continue
        try:
            for what, names in verdict.names.items():
                refuse_taken(owners.setdefault(what, {}), what, names)
        except RegistrationError as error:
            found[plugin] = (f"registering it raised RegistrationError: {error}", TAKEN_REMEDY)
            continue
        for what, names in verdict.names.items():
            owners[what].update(dict.fromkeys(names, plugin))
    return found


TAKEN_REMEDY = "use only one of the two: leave the other out of CSAI_PLUGINS, or uninstall it"


def _is_recent(trouble: Trouble) -> bool:
    try:
        return datetime.now(UTC) - datetime.fromisoformat(trouble.at) < RECENT
    except (ValueError, TypeError):
        return False
