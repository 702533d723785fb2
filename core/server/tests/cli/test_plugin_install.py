"""`csai plugins install`: what it refuses, what it shows, what it changes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.outside import Outside, write_wheel

TOOL = """
from csai_sdk import hookimpl, tool

@tool(read_only=True)
def {name}() -> str:
    "Says what it is called."
    return "{name}"

@hookimpl
def register_tools():
    return [{name}]
"""


@pytest.fixture(scope="module")
def links(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages that there are in this world beside the installed ones."""
    folder = tmp_path_factory.mktemp("links")
    sdk = "csai-sdk>=0.1,<0.2"

    def wheel(name: str, *requires: str, plugin: str | None = None, version: str = "1.0") -> None:
        code = TOOL.format(name=plugin) if plugin else ""
        write_wheel(folder, name, version=version, requires=requires, code=code, plugin=plugin)

    wheel("csai-tool-fine", sdk, "small-library>=1", plugin="fine")
    wheel("csai-tool-choosy", sdk, "small-library<2", plugin="choosy")
    wheel("csai-tool-backward", sdk, "httpx<0.20", plugin="backward")
    wheel("csai-tool-forward", sdk, "httpx>=99", plugin="forward")
    wheel("csai-tool-tomorrow", "csai-sdk>=9", plugin="tomorrow")
    wheel("csai-tool-twin", sdk, plugin="demo_shop")
    wheel("csai-tool-sound-once", sdk, plugin="sound_once")
    wheel("csai-tool-sound-once", "csai-sdk>=9", plugin="sound_once", version="2.0")
    wheel("no-plugin")
    wheel("small-library", version="1.0")
    wheel("small-library", version="2.0")
    wheel("httpx", version="0.19.0")
    wheel("httpx", version="99.0")
    write_wheel(folder, "csai-tool-broken", code="raise RuntimeError('no')", plugin="broken")
    return folder


class Installer:
    def __init__(self, outside: Outside, links: Path, cwd: Path) -> None:
        self.outside, self._links, self._cwd = outside, links, cwd

    def plugins(self, command: str, *arguments: str, expected: int = 0, **variables: str) -> str:
        places = ("--no-index", "--find-links", str(self._links)) if command == "install" else ()
        ended = self.outside.csai("plugins", command, *arguments, *places, cwd=self._cwd, **variables)
        assert ended.returncode == expected, ended.stdout + ended.stderr
        return ended.stdout + ended.stderr

    def install(self, wanted: str, *options: str, expected: int = 0) -> dict[str, Any]:
        said = self.plugins("install", wanted, "--json", *options, expected=expected)
        told: dict[str, Any] = json.loads(said)
        return told


@pytest.fixture
def installer(outside: Outside, links: Path, tmp_path: Path) -> Installer:
    return Installer(outside, links, tmp_path)


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ("csai-tool-backward", "would move httpx from"),
        ("csai-tool-forward", "to 99.0, which csai needs as it is"),
        ("csai-tool-tomorrow", "needs csai-sdk >=9"),
        ("csai-tool-twin", "'demo_shop' has the id of csai-tool-demo-shop"),
        ("no-plugin", "no entry point in csai.plugins"),
        ("nowhere-to-be-found", "nowhere-to-be-found was not found"),
        ("csai-tool-fine==7", "no version of csai-tool-fine==7"),
        ("./missing.whl", "neither a package's name nor a wheel or folder"),
    ],
)
def test_what_would_do_harm_is_refused_and_nothing_is_changed(
    installer: Installer, wanted: str, says: str
) -> None:
    before = installer.outside.freeze()
    told = installer.install(wanted, "--yes", expected=1)
    assert (told["ok"], told["installed"]) == (False, False)
    assert says in told["refused"]["cause"], told
    assert told["refused"]["remedy"]
    assert installer.outside.freeze() == before


def test_a_wheel_that_needs_another_sdk_is_refused_by_its_path(installer: Installer, links: Path) -> None:
    before = installer.outside.freeze()
    path = next(links.glob("csai_tool_tomorrow*"))
    said = installer.plugins("install", str(path), "--yes", expected=1)
    assert "refused: csai-tool-tomorrow 1.0 needs csai-sdk >=9, and csai-sdk 0.1.0 is installed" in said
    assert "Nothing was changed." in said
    assert installer.outside.freeze() == before


def test_what_it_would_bring_is_shown_and_without_a_yes_nothing_is_changed(installer: Installer) -> None:
    before = installer.outside.freeze()
    said = installer.plugins("install", "csai-tool-fine", expected=1)
    assert "small-library" in said
    assert "2.0" in said
    assert "Nothing was changed." in said
    told = installer.install("csai-tool-fine")
    assert (told["installed"], told["version"]) == (False, "1.0")
    assert told["changes"] == [
        {"name": "csai-tool-fine", "before": None, "after": "1.0"},
        {"name": "small-library", "before": None, "after": "2.0"},
    ]
    assert installer.outside.freeze() == before


def test_a_fine_plugin_is_installed_tried_and_uninstalled(installer: Installer) -> None:
    before = installer.outside.freeze()
    told = installer.install("csai-tool-fine", "--yes")
    assert told["plugins"] == [
        {"id": "fine", "kinds": ["tool"], "state": "loaded", "cause": None, "remedy": None}
    ]
    assert told["restart_due"] is True
    again = installer.plugins("install", "csai-tool-fine", "--yes")
    assert "is installed already" in again
    assert "csai client plugin CLIENT fine --on" in again
    assert "fine" in installer.plugins("list")

    choosy = installer.install(
        "csai-tool-choosy", "--yes"
    )  # moves what is nobody's but fine's, which can do with it
    assert {"name": "small-library", "before": "2.0", "after": "1.0"} in choosy["changes"]

    installer.plugins("uninstall", "fine", expected=1)
    assert "fine" in installer.plugins("list")
    for plugin in ("fine", "choosy"):
        said = installer.plugins("uninstall", plugin, "--yes")
        assert "when they start next" in said
    installer.outside.uv("uninstall", "small-library")
    assert installer.outside.freeze() == before


def test_another_plugin_keeps_what_it_needs(installer: Installer, links: Path) -> None:
    write_wheel(
        links,
        "csai-tool-greedy",
        requires=("csai-sdk>=0.1,<0.2", "small-library>=2"),
        code=TOOL.format(name="greedy"),
        plugin="greedy",
    )
    installer.install("csai-tool-choosy", "--yes")
    before = installer.outside.freeze()
    told = installer.install("csai-tool-greedy", "--yes", expected=1)
    assert (
        "would bring small-library 2.0, and the installed csai-tool-choosy needs" in told["refused"]["cause"]
    )
    assert installer.outside.freeze() == before
    installer.plugins("uninstall", "choosy", "--yes")
    installer.outside.uv("uninstall", "small-library")


def test_the_newest_version_that_goes_with_this_sdk_is_taken(installer: Installer) -> None:
    assert installer.install("csai-tool-sound-once")["version"] == "1.0"


def test_a_plugin_that_does_not_load_is_said_to_be_quarantined(installer: Installer) -> None:
    said = installer.plugins("install", "csai-tool-broken", "--yes", expected=1)
    assert "broken is quarantined: importing it raised RuntimeError: no" in said
    installer.plugins("uninstall", "broken", "--yes")


def test_without_uv_it_says_how_to_get_it(installer: Installer) -> None:
    uv = installer.outside.bin / "uv"
    uv.rename(uv.with_name("uv-elsewhere"))
    try:
        said = installer.plugins("install", "csai-tool-fine", expected=2, PATH=str(installer.outside.bin))
    finally:
        uv.with_name("uv-elsewhere").rename(uv)
    assert "pip install uv" in said


def test_the_server_itself_is_not_uninstalled(installer: Installer) -> None:
    said = installer.plugins("uninstall", "csai", "--yes", expected=2)
    assert "there is no plugin 'csai'" in said
