"""The example on each page for authors of plugins is a plugin, and passes the suite that the page shows."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import httpx
import pytest
from csai.plugins.discovery import Found
from csai.plugins.registry import PluginRegistry
from csai.web import mount_web_files
from csai_sdk import SettingsError
from fastapi import FastAPI

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = ROOT / "docs" / "plugins"
PAGES = {
    "provider": "provider",
    "tool": "tool",
    "tool-backend": "tool backend",
    "integration": "integration",
    "gateway": "gateway",
    "channel": "channel",
    "locale": "locale",
    "event-hooks": "hooks",
    "web": "web",
}
"""By page, the kind of plugin that it is about."""
LEAST_CHECKS = 9
PLAIN_PYTEST = ["-c", os.devnull, "--rootdir", ".", "--noconftest", "--asyncio-mode=auto"]
WITHOUT = [f"-pno:{name}" for name in ("cacheprovider", "xdist", "hypothesispytest", "timeout")]


def blocks(page: str) -> dict[str, str]:
    """The page's files by their names, which stand in their first lines."""
    text = (PLUGINS / f"{page}.md").read_text(encoding="utf-8")
    return dict(re.findall(r"```python\n# (\w+\.py)\n(.*?)```", text, re.DOTALL))


def plugin_of(page: str) -> str:
    (name,) = [name for name in blocks(page) if name.startswith("csai_")]
    return name.removesuffix(".py")


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files of all pages."""
    folder = tmp_path_factory.mktemp("examples")
    for page in PAGES:
        for name, code in blocks(page).items():
            (folder / name).write_text(code, encoding="utf-8")
    static = folder / "csai_web_hours_static"
    static.mkdir()
    (static / "index.html").write_text("<p>Open from nine to five.</p>")
    (static / "hours.json").write_text('{"from": 9, "to": 17}')
    return folder


@pytest.fixture(scope="module")
def outcomes(examples: Path) -> dict[str, list[tuple[str, str]]]:
    """What became of each check, by test module. Tests of a page that are no checks have passed too."""
    report = examples / "report.jsonl"
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *PLAIN_PYTEST, *WITHOUT, f"--csai-report={report}", "."],
        cwd=examples,
        env={**os.environ, "PYTHONPATH": str(examples)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert report.exists(), ended.stdout + ended.stderr
    found = defaultdict(list)
    for line in report.read_text().splitlines():
        outcome = json.loads(line)
        found[outcome["suite"].partition("::")[0]].append((outcome["check"], outcome["outcome"]))
    assert ended.returncode == 0, ended.stdout[-10_000:]
    return found


def test_every_kind_has_its_page() -> None:
    from csai_testkit.registration import PARTS

    assert set(PAGES.values()) == {kind for kind, _ in PARTS.values()} | {"hooks"}


@pytest.mark.parametrize("page", PAGES)
def test_the_example_loads_as_a_plugin_of_its_kind(
    page: str, examples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(examples))
    name = plugin_of(page)
    registry = PluginRegistry()
    registry.register(Found(page, importlib.import_module(name), name, "1.0"))
    assert registry.quarantined == {}
    assert registry.plugins[page].kinds == [PAGES[page]]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", PAGES)
def test_the_example_passes_the_suite_on_its_page(
    page: str, outcomes: dict[str, list[tuple[str, str]]]
) -> None:
    (module,) = blocks(page).keys() - {f"{plugin_of(page)}.py"}
    passed = [check for check, outcome in outcomes[module] if outcome == "passed"]
    assert len(passed) >= LEAST_CHECKS


async def test_the_web_example_is_served(examples: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(examples))
    registry, app = PluginRegistry(), FastAPI()
    registry.register(Found("hours", importlib.import_module("csai_web_hours"), "csai-web-hours", "1.0"))
    mount_web_files(app, registry)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://csai.test") as http:
        assert "nine to five" in (await http.get("/hours/")).text
        assert (await http.get("/hours.json")).json() == {"from": 9, "to": 17}


def test_the_settings_on_the_page_of_versions_migrate_as_it_says() -> None:
    page = (PLUGINS / "versions.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    found: dict[str, Any] = {}
    exec(code, found)
    settings = found["ShopSettings"]
    assert settings.migrate({"host": "shop.example"}, 1) == {"base_url": "https://shop.example"}
    with pytest.raises(SettingsError):
        settings.migrate({"host": "legacy"}, 1)
    assert settings.migrate({"base_url": "https://shop.example"}, 2) == {"base_url": "https://shop.example"}
