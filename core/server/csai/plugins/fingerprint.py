"""What a plugin is made of, in one short string: where it is the same, an earlier verdict holds."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Iterator, Mapping
from importlib.machinery import PathFinder
from importlib.metadata import EntryPoint
from pathlib import Path

import csai
from csai.plugins.sdk_version import installed_sdk

MAX_FILES = 2_000


def installed_versions() -> dict[str, str]:
    """Every installed distribution's version, by normalised name: from the names of folders alone."""
    found: dict[str, str] = {}
    for folder in sys.path:
        try:
            names = [path.name for path in Path(folder or ".").iterdir()]
        except OSError:
            continue
        for name in names:
            if name.endswith(".dist-info"):
                distribution, _, version = name.removesuffix(".dist-info").partition("-")
                found.setdefault(normal(distribution), version)
    return found


def fingerprint(point: EntryPoint, versions: Mapping[str, str]) -> str:
    """Changes with the plugin's files, with what it requires, with Python, csai and the SDK."""
    parts = [point.name, point.value, sys.version, csai.__version__, installed_sdk()]
    if point.dist is not None:
        parts += [point.dist.name, point.dist.version]
        required = sorted({normal(name) for name in map(_name, point.dist.requires or ()) if name})
        parts += [f"{name}={versions.get(name)}" for name in required]
    record = _record(point)
    parts += [record] if record is not None else list(_files(point))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _name(requirement: str) -> str:
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    return match.group() if match else ""


def _record(point: EntryPoint) -> str | None:
    """The list of installed files with their hashes; None where the files themselves have to be looked at."""
    if point.dist is None:
        return None
    try:
        origin = json.loads(point.dist.read_text("direct_url.json") or "{}")
    except ValueError:
        origin = {}
    if origin.get("dir_info", {}).get("editable"):
        return None
    return point.dist.read_text("RECORD") or None


def _files(point: EntryPoint) -> Iterator[str]:
    """Path, time and size of the module's files, without importing any."""
    spec = PathFinder.find_spec(point.module.partition(".")[0])
    if spec is None:
        return
    if spec.submodule_search_locations is None:
        files = [Path(spec.origin)] if spec.origin else []
    else:
        folders = map(Path, spec.submodule_search_locations)
        files = sorted(file for folder in folders for file in folder.rglob("*.py"))
    for file in files[:MAX_FILES]:
        try:
            stat = file.stat()
        except OSError:
            continue
        yield f"{file}:{stat.st_mtime_ns}:{stat.st_size}"
