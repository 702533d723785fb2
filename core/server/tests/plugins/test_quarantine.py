"""Installed plugins that cannot be used are kept out with a cause, and the rest are loaded."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from csai.plugins.registry import PluginRegistry
from stevedore import ExtensionManager

GOOD = """
from csai_sdk import hookimpl, tool

@tool
def good_tool(name: str) -> str:
    "A tool."
    return name

@hookimpl
def register_tools():
    return [good_tool]
"""
UNKNOWN_HOOK = "from csai_sdk import hookimpl\n@hookimpl\ndef register_spaceships():\n    return []\n"
NO_TOOL = "from csai_sdk import hookimpl\n@hookimpl\ndef register_tools():\n    return ['no tool']\n"
SYNC_EVENT = "from csai_sdk import hookimpl\n@hookimpl\ndef reply_sent(event):\n    pass\n"


class Site:
    """A folder on the path that plugins are installed into."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def install(self, distribution: str, plugin: str, code: str) -> None:
        module = distribution.replace("-", "_")
        info = self._folder / f"{module}-1.0.dist-info"
        info.mkdir()
        (self._folder / f"{module}.py").write_text(code)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[csai.plugins]\n{plugin} = {module}\n")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(ExtensionManager, "ENTRY_POINT_CACHE", {})  # it remembers what was installed before
    yield Site(tmp_path)
    for path in tmp_path.glob("*.py"):
        sys.modules.pop(path.stem, None)


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("raise RuntimeError('no licence')", "RuntimeError: no licence"),
        ("import a_library_that_is_not_there", "ModuleNotFoundError"),
        ("import sys\nsys.exit(3)", "SystemExit: 3"),
        ("assert False, 'never'", "AssertionError: never"),
        (UNKNOWN_HOOK, "register_spaceships"),
        (NO_TOOL, "register_tools must return Tool objects"),
        (SYNC_EVENT, "reply_sent must be async"),
        (GOOD.replace("good_tool(", "good_tool(*"), "named parameters only"),
    ],
)
def test_a_broken_plugin_is_kept_out_with_its_cause_and_a_remedy(site: Site, code: str, cause: str) -> None:
    site.install("test-broken", "test_broken", code)
    site.install("test-good", "test_good", GOOD)
    registry = PluginRegistry.load(["test_broken", "test_good"])
    assert list(registry.plugins) == ["test_good"]
    assert list(registry.tools) == ["good_tool"]
    assert list(registry.quarantined) == ["test_broken"]
    assert cause in registry.quarantined["test_broken"].cause
    assert registry.quarantined["test_broken"].remedy


def test_a_name_that_two_distributions_claim_is_refused_to_both(site: Site) -> None:
    site.install("test-first", "test_taken", GOOD)
    site.install("test-second", "test_taken", GOOD)
    registry = PluginRegistry.load(["test_taken"])
    assert registry.plugins == {}
    assert "test-first" in registry.quarantined["test_taken"].cause
    assert "test-second" in registry.quarantined["test_taken"].cause


def test_a_tool_s_name_belongs_to_the_plugin_that_registered_it_first(site: Site) -> None:
    site.install("test-one", "test_one", GOOD)
    site.install("test-two", "test_two", GOOD)
    registry = PluginRegistry.load(["test_one", "test_two"])
    assert list(registry.plugins) == ["test_one"]
    assert "already registered by plugin 'test_one'" in registry.quarantined["test_two"].cause


def test_a_plugin_that_is_not_allowed_is_not_even_imported(site: Site) -> None:
    site.install("test-loud", "test_loud", "raise SystemExit('imported')")
    registry = PluginRegistry.load(["offline"])
    assert list(registry.plugins) == ["offline"]
    assert registry.quarantined == {}
