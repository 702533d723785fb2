"""uv, asked what an installation would change, and told to do it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path

from packaging.utils import canonicalize_name

from csai.config import ConfigError

TIMEOUT_S = 900.0
_LINE = re.compile(r"^ ([-+~]) ([A-Za-z0-9._-]+)(?:==(\S+)| @ \S+)?")
_NOTHING = "Would make no changes"


class UvFailed(Exception):
    """uv did not do it; the message is its own."""


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of one distribution. `after` is "?" where only the installed package will say."""

    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Source:
    """Where packages come from: uv's own settings and variables, and these."""

    find_links: Sequence[str] = ()
    is_index_used: bool = True
    is_offline: bool = False

    def options(self) -> list[str]:
        links = [part for place in self.find_links for part in ("--find-links", place)]
        return [
            *links,
            *(() if self.is_index_used else ("--no-index",)),
            *(("--offline",) if self.is_offline else ()),
        ]


class Uv:
    """Works on the environment that this process runs in."""

    def __init__(self, source: Source | None = None) -> None:
        self._program = find_uv()
        self._source = source or Source()

    def plan(self, requirement: Sequence[str], constraints: Mapping[str, str]) -> list[Change]:
        """What installing would change; changes nothing. Raises `UvFailed`."""
        said = self._install("--dry-run", *requirement, constraints=constraints)
        changes = read_plan(said)
        if not changes and _NOTHING not in said:
            raise UvFailed(f"this version of uv says something unexpected:\n{said.strip()[-500:]}")
        return changes

    def install(self, requirement: Sequence[str], constraints: Mapping[str, str]) -> None:
        self._install(*requirement, constraints=constraints)

    def fetch(self, requirement: str, folder: Path) -> Distribution:
        """The distribution alone, without what it needs, in a folder of its own."""
        self._install("--no-deps", "--target", str(folder), requirement, constraints={})
        found = list(distributions(path=[str(folder)]))
        if len(found) != 1:
            raise UvFailed(f"{requirement} is not one package")
        return found[0]

    def uninstall(self, name: str) -> None:
        self._run("uninstall", name)

    def _install(self, *arguments: str, constraints: Mapping[str, str]) -> str:
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
            file.writelines(f"{name}=={version}\n" for name, version in constraints.items())
            file.flush()
            return self._run("install", "--constraints", file.name, *self._source.options(), *arguments)

    def _run(self, command: str, *arguments: str) -> str:
        try:
            ended = subprocess.run(
                [self._program, "pip", command, "--color=never", "--python", sys.executable, *arguments],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise UvFailed(f"it was not done after {TIMEOUT_S:.0f} s") from None
        if ended.returncode != 0:
            raise UvFailed(ended.stderr.strip().partition("error: ")[2] or ended.stderr.strip())
        return ended.stderr


def find_uv() -> str:
    """The program beside this Python, or on the path. Raises `ConfigError` where there is none."""
    beside = shutil.which("uv", path=str(Path(sys.executable).parent))
    found = beside or shutil.which("uv")
    if found is None:
        raise ConfigError(
            "this needs uv, which is not there: install it (pip install uv), or install the plugin with pip "
            "by hand and then see csai plugins doctor"
        )
    return found


def read_plan(said: str) -> list[Change]:
    """The changes that uv lists: ` - name==1.0`, ` + name==2.0`, ` + name @ file:///...`."""
    before: dict[str, str] = {}
    after: dict[str, str] = {}
    for line in said.splitlines():
        if match := _LINE.match(line):
            sign, name, version = match.groups()
            names = before if sign == "-" else after
            names[canonicalize_name(name)] = version or "?"
    return [Change(name, before.get(name), after.get(name)) for name in sorted({*before, *after})]
