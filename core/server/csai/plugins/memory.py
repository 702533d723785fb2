"""What is remembered of plugins between starts: verdicts, troubles seen while serving, what is switched off.

Small files in the data folder, one for each plugin: they can be written while the event loop stands still,
and read while the database is away.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeVar
from urllib.parse import quote

import structlog

from csai.plugins.discovery import Quarantined

log = structlog.get_logger(__name__)
T = TypeVar("T")

Outcome = Literal["ok", "raised", "fatal", "blocked", "crashed"]
"""`raised` is what a process survives, and may be otherwise at the next start; the rest holds until the
distribution changes. `blocked` and `crashed` were found while serving."""


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of trying a plugin, as it was at `fingerprint`."""

    id: str
    fingerprint: str
    outcome: Outcome
    cause: str = ""
    remedy: str = ""
    kinds: tuple[str, ...] = ()
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What it registers under names that are nobody else's: providers, tools, tool backends."""
    at: str = field(default_factory=now)

    @property
    def is_lasting(self) -> bool:
        return self.outcome != "raised"

    def quarantined(self, distribution: str, version: str) -> Quarantined:
        return Quarantined(self.id, distribution, version, self.cause, self.remedy)


@dataclass(frozen=True, slots=True)
class Trouble:
    """What went wrong in a plugin's code while a server ran. Says nothing of visitors."""

    plugin: str
    part: str
    """The hook, tool or provider; `tasks` and `threads` for what it leaves behind; `event loop`."""
    cause: str
    remedy: str
    is_open: bool = True
    """False once the part answered again."""
    at: str = field(default_factory=now)


class PluginMemory:
    """Reads and writes the folder. What cannot be read is as if it had never been written."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def verdict(self, plugin: str) -> Verdict | None:
        kept = self._read(plugin, "verdict", Verdict)
        if kept is None or kept.id != plugin:
            return None
        return kept

    def keep_verdict(self, verdict: Verdict) -> None:
        self._write(verdict.id, "verdict", asdict(verdict))

    def trouble(self, plugin: str) -> Trouble | None:
        """The last one."""
        return self._read(plugin, "trouble", Trouble)

    def keep_trouble(self, trouble: Trouble) -> None:
        self._write(trouble.plugin, "trouble", asdict(trouble))

    def forget_trouble(self, plugin: str) -> None:
        self._remove(plugin, "trouble")

    def is_disabled(self, plugin: str) -> bool:
        return self._path(plugin, "disabled").exists()

    def disable(self, plugin: str) -> None:
        """Raises `OSError`: an operator has to know."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._path(plugin, "disabled").touch()

    def enable(self, plugin: str) -> None:
        self._remove(plugin, "disabled")

    def crash_file(self) -> Path:
        """Where this process' interpreter writes its last words, should it crash."""
        self._folder.mkdir(parents=True, exist_ok=True)
        return self._folder / f"crash.{os.getpid()}.txt"

    def crash_files(self) -> list[Path]:
        return sorted(self._folder.glob("crash.*.txt"))

    def _path(self, plugin: str, what: str) -> Path:
        return self._folder / f"{quote(plugin, safe='')}.{what}.json"

    def _read(self, plugin: str, what: str, kind: type[T]) -> T | None:
        try:
            return kind(**json.loads(self._path(plugin, what).read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def _write(self, plugin: str, what: str, values: Mapping[str, Any]) -> None:
        """Whole or not at all: several processes may write the same file."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=self._folder)
            try:
                with os.fdopen(descriptor, "w") as file:
                    json.dump(values, file)
                Path(name).replace(self._path(plugin, what))
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
        except OSError as error:
            log.warning(
                "cannot remember what is known of a plugin: check CSAI_DATA_DIR",
                plugin=plugin,
                what=what,
                error=type(error).__name__,
            )

    def _remove(self, plugin: str, what: str) -> None:
        with suppress(OSError):
            self._path(plugin, what).unlink(missing_ok=True)
