"""`csai plugins check`: which tier plugins reach, and why not."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.support.program import run

ROOT = Path(__file__).resolve().parents[4]
HELLO = ROOT / "docs" / "plugins" / "hello"
BUNDLED = {"claude", "demo_shop", "n8n", "offline", "ollama", "openai", "widget"}

CODE = """
from pathlib import Path
from tempfile import gettempdir
from csai_sdk import PluginSettings, hookimpl, tool

try:
    Path(gettempdir(), "csai-check").touch()
except OSError:
    pass

class Settings(PluginSettings):
    colour: str = "red"

@hookimpl
def register_settings():
    return Settings

@tool
def look_up(question: str) -> str:
    "Look something up."
    return question

@hookimpl
def register_tools():
    return [look_up]
"""
SUITE = """
import pytest
from csai_testkit.conformance import PluginSuite

class TestIt(PluginSuite):
    plugin = "csai_odd"

    test_answers_its_events = pytest.mark.skip("not now")(PluginSuite.test_answers_its_events)
"""
FULL = """Summary: An odd plugin.
License-Expression: MIT
Requires-Python: >=3.11
Requires-Dist: csai-sdk>=0.1,<1
"""


def install(site: Path, name: str, module: str, metadata: str = "") -> None:
    """What pip would write down of a plugin whose code is found elsewhere."""
    folder = site / f"csai_{name}-0.1.0.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.4\nName: csai-{name}\nVersion: 0.1.0\n{metadata}")
    (folder / "entry_points.txt").write_text(f"[csai.plugins]\n{name} = {module}\n")


def check(*arguments: str, cwd: Path, paths: tuple[Path, ...] = (), expected: int = 0) -> dict[str, Any]:
    ended = run(
        *("plugins", "check", *arguments, "--json"), cwd=cwd, PYTHONPATH=os.pathsep.join(map(str, paths))
    )
    assert ended.returncode == expected, ended.stdout + ended.stderr
    told: dict[str, Any] = json.loads(ended.stdout)
    return told


def failed(told: dict[str, Any]) -> set[str]:
    (plugin,) = told["plugins"]
    for result in plugin["checks"]:
        assert bool(result["reason"]) == (result["state"] != "ok"), result
    return {result["check"] for result in plugin["checks"] if result["state"] == "failed"}


@pytest.mark.timeout(300)
def test_every_bundled_plugin_is_verified(tmp_path: Path) -> None:
    told = check("--tier", "verified", cwd=tmp_path)
    reached = {plugin["id"]: plugin["ok"] for plugin in told["plugins"]}
    assert {name: reached.get(name) for name in BUNDLED} == dict.fromkeys(BUNDLED, True)


def test_the_smallest_plugin_is_verified_by_its_folder(tmp_path: Path) -> None:
    install(tmp_path, "hello", "csai_tool_hello", FULL)
    told = check(str(HELLO), "--tier", "verified", cwd=tmp_path, paths=(tmp_path, HELLO))
    (plugin,) = told["plugins"]
    assert (plugin["id"], plugin["kinds"], plugin["ok"]) == ("hello", ["tool"], True)
    states = {result["check"]: result["state"] for result in plugin["checks"]}
    assert states["tool: answers_a_call"] == "ok"
    assert states["typed"] == states["tool: maps_vendor_failures"] == "skipped"


def test_what_a_listing_needs_is_named_with_its_remedy(tmp_path: Path) -> None:
    site, code = tmp_path / "site", tmp_path / "code"
    package = code / "csai_odd"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(CODE)
    install(site, "odd", "csai_odd", "Requires-Dist: csai-sdk\n")
    told = check("odd", cwd=tmp_path, paths=(site, code), expected=1)
    assert failed(told) == {
        *("description", "licence", "requires-python", "csai-sdk", "typed"),
        *("loads without I/O", "settings"),
    }
    remedies = [result["remedy"] for result in told["plugins"][0]["checks"] if result["state"] == "failed"]
    assert all(remedies)


def test_what_verification_needs_is_named(tmp_path: Path) -> None:
    code = tmp_path / "odd"
    (code / "tests").mkdir(parents=True)
    (code / "csai_odd.py").write_text(CODE)
    (code / "pyproject.toml").write_text('[project.entry-points."csai.plugins"]\nodd = "csai_odd"\n')
    (code / "README.md").write_text(f"# Odd\n\n{'It is odd. ' * 20}")
    site = tmp_path / "site"
    install(site, "odd", "csai_odd", FULL)
    arguments = (str(code), "--tier", "verified")
    told = check(*arguments, cwd=tmp_path, paths=(site, code), expected=1)
    assert failed(told) == {"loads without I/O", "settings", "README", "conformance", "suite for tool"}
    (code / "tests" / "test_it.py").write_text(SUITE)
    told = check(*arguments, cwd=tmp_path, paths=(site, code), expected=1)
    assert failed(told) == {
        *("loads without I/O", "settings", "README", "suite for tool"),
        *("plugin: imports_without_io", "plugin: describes_its_settings", "plugin: answers_its_events"),
    }


def test_a_plugin_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    ended = run("plugins", "check", "nowhere", cwd=tmp_path)
    assert ended.returncode == 2
    assert "no plugin 'nowhere' is installed" in ended.stderr
