"""A fresh virtual environment with csai's own wheels, as somebody has it who only installs csai.

What csai needs is linked into it from this environment, file by file, so that it costs no network and hardly
any time. Whatever is installed or uninstalled in it, the environment of the tests is not changed.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import metadata
from importlib.util import cache_from_source
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.program import Program, environment
from tests.support.waiting import PATIENCE_S

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(sys.executable).parent
OWN = ("core/sdk", "core/server", "core/testkit", "plugins/providers/offline", "plugins/tools/demo_shop")
_BUILD = """
import sys
from hatchling.builders.wheel import WheelBuilder
for folder in sys.argv[2:]:
    print(*WheelBuilder(folder).build(directory=sys.argv[1], versions=["standard"]))
"""
TOOLS = ("uv", "hatchling", "editables", "pytest")


class Outside:
    """The environment in `folder`, and how to run what is in it."""

    def __init__(self, folder: Path, wheels: Path) -> None:
        self.bin = folder / "venv" / "bin"
        subprocess.run(
            [sys.executable, "-m", "venv", "--without-pip", str(folder / "venv")], check=True, timeout=60
        )
        (site,) = (folder / "venv" / "lib").glob("python*/site-packages")
        own = {f"csai-{name}" for name in ("sdk", "testkit", "provider-offline", "tool-demo-shop")} | {"csai"}
        for distribution in _needed(sorted(own | set(TOOLS))):
            if canonicalize_name(distribution.name) not in own:
                _link(distribution, site)
                self._add_programs(distribution)
        self.uv("install", "--no-deps", *map(str, wheels.glob("*.whl")))

    def uv(self, command: str, *arguments: str) -> str:
        """`uv pip` on this environment, without any network."""
        where = ("-q", "--offline", "--python", str(self.bin / "python"))
        return run_checked(HERE / "uv", "pip", command, *where, *arguments)

    def freeze(self) -> str:
        return self.uv("freeze")

    def environment(self, **variables: str) -> dict[str, str]:
        path = os.pathsep.join([str(self.bin), os.environ.get("PATH", "")])
        own = {"PATH": path, "VIRTUAL_ENV": str(self.bin.parent)}
        return environment(**{**own, "PYTHONDONTWRITEBYTECODE": "", "PYTHONPATH": "", **variables})

    def csai(self, *arguments: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.bin / "csai"), *arguments],
            cwd=cwd,
            env=self.environment(**variables),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )

    @contextmanager
    def running(self, *arguments: str, cwd: Path, **variables: str) -> Iterator[Program]:
        """A command of csai that is still at work; told to stop at the end."""
        process = subprocess.Popen(
            [str(self.bin / "csai"), *arguments],
            cwd=cwd,
            env=self.environment(**variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield Program(process)
            process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(PATIENCE_S)
        finally:
            process.kill()
            process.wait(PATIENCE_S)

    def _add_programs(self, distribution: metadata.Distribution) -> None:
        for point in distribution.entry_points.select(group="console_scripts"):
            program = self.bin / point.name
            line = f"import sys\nfrom {point.module} import {point.attr.partition('.')[0]}\n"
            program.write_text(f"#!{self.bin / 'python'}\n{line}sys.exit({point.attr}())\n")
            program.chmod(0o755)


def run_checked(*command: str | Path, cwd: Path | None = None) -> str:
    ended = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment(VIRTUAL_ENV=str(HERE.parent)),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S * 2,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def build_wheels(into: Path, *folders: Path) -> None:
    """With the build backend itself, all in one process: a frontend starts three for each."""
    run_checked(HERE / "python", "-c", _BUILD, into, *folders)


def write_wheel(
    folder: Path,
    name: str,
    *,
    version: str = "1.0",
    requires: Sequence[str] = ("csai-sdk>=0.1,<0.2",),
    code: str = "",
    plugin: str | None = None,
) -> Path:
    """A wheel of one module, made without any build; `plugin` is the id of its entry point."""
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    head = ["Metadata-Version: 2.4", f"Name: {name}", f"Version: {version}"]
    needs = [f"Requires-Dist: {each}" for each in requires]
    wheel = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    path = folder / f"{module}-{version}-py3-none-any.whl"
    folder.mkdir(exist_ok=True, parents=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{module}.py", code)
        archive.writestr(f"{info}/METADATA", "\n".join([*head, *needs, ""]))
        archive.writestr(f"{info}/WHEEL", wheel)
        if plugin is not None:
            archive.writestr(f"{info}/entry_points.txt", f"[csai.plugins]\n{plugin} = {module}\n")
        archive.writestr(f"{info}/RECORD", f"{module}.py,,\n{info}/METADATA,,\n{info}/RECORD,,\n")
    return path


def _needed(names: Sequence[str]) -> Iterator[metadata.Distribution]:
    """The distributions of these names and all that they need here."""
    waiting, seen = [(name, frozenset[str]()) for name in names], set[tuple[str, frozenset[str]]]()
    yielded: set[str] = set()
    while waiting:
        item = waiting.pop()
        if item in seen:
            continue
        seen.add(item)
        try:
            distribution = metadata.distribution(item[0])
        except metadata.PackageNotFoundError:
            continue
        if item[0] not in yielded:
            yielded.add(item[0])
            yield distribution
        for needed in map(Requirement, distribution.requires or ()):
            marker = needed.marker
            if marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *item[1])):
                waiting.append((canonicalize_name(needed.name), frozenset(needed.extras)))


def _link(distribution: metadata.Distribution, site: Path) -> None:
    for file in distribution.files or ():
        source = Path(str(file.locate()))
        if ".." in file.parts:
            if source.name != "uv" or source.parent.name != "bin":
                continue
            target = site.parents[2] / "bin" / "uv"
        else:
            target = site / file
        _link_file(source, target)
        if source.suffix == ".py":
            _link_file(Path(cache_from_source(source)), Path(cache_from_source(target)))


def _link_file(source: Path, target: Path) -> None:
    if not source.is_file() or target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)


@pytest.fixture(scope="session")
def own_wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """csai, its SDK and test kit, and the two plugins that its demo needs, built from the sources."""
    folder = tmp_path_factory.mktemp("wheels")
    build_wheels(folder, *(ROOT / name for name in OWN))
    return folder


@pytest.fixture(scope="module")
def outside(own_wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Outside:
    """An environment that a module's tests share."""
    return Outside(tmp_path_factory.mktemp("outside"), own_wheels)
