"""Which installed plugins are safe to import: each is tried once in a process of its own, and remembered."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from typing import Any

import structlog

from csai.config import Settings
from csai.plugins.crash import name_the_crashed
from csai.plugins.discovery import Quarantined, candidates, distribution_of
from csai.plugins.fingerprint import fingerprint, installed_versions
from csai.plugins.memory import PluginMemory, Verdict
from csai.plugins.registry import PluginRegistry

log = structlog.get_logger(__name__)

START_S = 30.0
"""What the probing process may need to begin, on a busy machine."""


@dataclass(frozen=True, slots=True)
class Vetted:
    """What is known of the installed and allowed plugins without importing one here."""

    points: Mapping[str, EntryPoint]
    """Those that could be tried at all."""
    verdicts: Mapping[str, Verdict]
    refused: tuple[Quarantined, ...]
    """Those that could not: two claim the name, or it needs another SDK."""
    disabled: frozenset[str]

    @property
    def kept_out(self) -> dict[str, Quarantined]:
        return {
            name: verdict.quarantined(*distribution_of(self.points[name]))
            for name, verdict in self.verdicts.items()
            if verdict.outcome != "ok"
        }


def plugin_memory(settings: Settings) -> PluginMemory:
    return PluginMemory(settings.data_dir / "plugins")


def load_registry(settings: Settings) -> PluginRegistry:
    """Import and register the plugins that the operator allows and that no verdict keeps out."""
    vetted = vet(settings)
    return PluginRegistry.load(settings.plugins, kept_out=vetted.kept_out, disabled=vetted.disabled)


def vet(settings: Settings, *, again: Collection[str] | None = None) -> Vetted:
    """Try what is new or changed, or named by `again`; what is known already costs nothing.

    Where trying itself is not possible there is no verdict, and the plugin is imported as if it were well.
    """
    memory = plugin_memory(settings)
    points, refused = candidates(settings.plugins)
    disabled = frozenset(name for name in points if memory.is_disabled(name))
    versions = installed_versions()
    prints = {name: fingerprint(point, versions) for name, point in points.items()}
    name_the_crashed(memory, points, prints)
    known: dict[str, Verdict] = {}
    for name in points:
        kept = memory.verdict(name)
        if kept and kept.is_lasting and kept.fingerprint == prints[name] and name not in (again or ()):
            known[name] = kept
    new = [name for name in points if name not in known and name not in disabled]
    if new and settings.plugin_probe_s > 0:
        tried = dict(_probe(new, prints, settings.plugin_probe_s))
        for name, verdict in tried.items():
            before = memory.verdict(name)
            if before is not None and before.fingerprint != verdict.fingerprint:
                memory.forget_trouble(name)  # another release, perhaps the repaired one
            memory.keep_verdict(verdict)
        known |= tried
    return Vetted(points, known, tuple(refused), disabled)


def _probe(plugins: list[str], prints: Mapping[str, str], deadline_s: float) -> Iterable[tuple[str, Verdict]]:
    log.info("trying new or changed plugins in a process of their own", plugins=plugins)
    for line in _output(plugins, deadline_s).splitlines():
        try:
            said: dict[str, Any] = json.loads(line)
            name = said["id"]
            yield (
                name,
                Verdict(
                    name,
                    prints[name],
                    said["outcome"],
                    said.get("cause", ""),
                    said.get("remedy", ""),
                    tuple(said.get("kinds", ())),
                    {kind: tuple(names) for kind, names in said.get("names", {}).items()},
                ),
            )
        except (ValueError, KeyError, TypeError):
            log.warning("the process that tries plugins said what cannot be read")


def _output(plugins: list[str], deadline_s: float) -> str:
    """What the probing process printed, also where it did not come to its end."""
    command = [sys.executable, "-P", "-m", "csai.plugins.probe", str(deadline_s), *plugins]
    try:
        ended = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=START_S + deadline_s * len(plugins),
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        return (error.stdout or b"").decode(errors="replace")  # bytes, though text was asked for
    except OSError as error:
        log.warning("plugins cannot be tried in a process of their own", error=type(error).__name__)
        return ""
    if ended.returncode != 0:
        log.warning("the process that tries plugins failed", last_line=ended.stderr.strip()[-300:])
    return ended.stdout
