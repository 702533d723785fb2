"""A server that crashed in a plugin's code: its interpreter's last words name it at the next start."""

from __future__ import annotations

import faulthandler
import re
from collections.abc import Mapping
from contextlib import suppress
from importlib.machinery import PathFinder
from importlib.metadata import EntryPoint
from pathlib import Path

import structlog

from csai.plugins.memory import PluginMemory, Verdict

log = structlog.get_logger(__name__)

REMEDY = "tell its author; after a repair, or to try it all the same: csai plugins doctor --again"


class CrashReport:
    """Open while a server runs; empty, and so removed, when it ends in order."""

    def __init__(self, memory: PluginMemory) -> None:
        self._path: Path | None = None
        if faulthandler.is_enabled():  # whoever did so wants to read it himself
            return
        try:
            self._path = memory.crash_file()
            self._file = self._path.open("w")
        except OSError:
            self._path = None
            return
        faulthandler.enable(self._file)

    def close(self) -> None:
        if self._path is None:
            return
        faulthandler.disable()
        self._file.close()
        self._path.unlink(missing_ok=True)


def name_the_crashed(
    memory: PluginMemory, points: Mapping[str, EntryPoint], prints: Mapping[str, str]
) -> None:
    """Read what crashed processes left, and keep out the plugins whose code they were in."""
    for path in memory.crash_files():
        with suppress(OSError):
            text = path.read_text(errors="replace")
            if not text:  # its process still runs, or was killed
                continue
            path.unlink()
            found = _culprit(text, points)
            if found is not None:
                name, place = found
                log.error("the server crashed in a plugin's code", plugin=name, place=place)
                cause = f"its code crashed the server ({text.splitlines()[0][:100]}) at {place}"
                memory.keep_verdict(Verdict(name, prints[name], "crashed", cause, REMEDY))


def _culprit(text: str, points: Mapping[str, EntryPoint]) -> tuple[str, str] | None:
    """The plugin of the innermost frame that is any plugin's, in the thread that crashed."""
    current = re.search(r"^Current thread .*?(?=^$|\Z)", text, re.MULTILINE | re.DOTALL)
    if current is None:
        return None
    places = {name: folder for name, point in points.items() if (folder := _place(point)) is not None}
    for file, line in re.findall(r'^  File "(.+)", line (\d+)', current.group(), re.MULTILINE):
        for name, place in places.items():
            if Path(file) == place or place in Path(file).parents:
                return name, f"{Path(file).name}, line {line}"
    return None


def _place(point: EntryPoint) -> Path | None:
    """The file of a module, or the folder of a package, without importing it."""
    spec = PathFinder.find_spec(point.module.partition(".")[0])
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent if spec.submodule_search_locations is not None else Path(spec.origin)
