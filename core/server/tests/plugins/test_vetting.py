"""New and changed plugins are tried in a process of their own, once."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from csai.cli import app
from csai.config import Settings
from csai.plugins.crash import name_the_crashed
from csai.plugins.discovery import candidates
from csai.plugins.report import plugin_reports
from csai.plugins.vetting import load_registry, plugin_memory, vet
from stevedore import ExtensionManager
from typer.testing import CliRunner

NOTES = """
import os
with open({file!r}, "a") as file:
    file.write(f"{{os.getpid()}}\\n")
"""
EXITS = "import os\nos._exit(3)\n"


class Site:
    """A folder on the path, here and in the processes that try plugins; each import is noted down."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.notes = folder / "imports.txt"

    def install(self, name: str, code: str = "", *, requires: str = "csai-sdk") -> None:
        info = self.folder / f"test_{name}-1.0.dist-info"
        info.mkdir(exist_ok=True)
        text = NOTES.format(file=str(self.notes)) + code
        (self.folder / f"test_{name}.py").write_text(text)
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: test-{name}\nVersion: 1.0\nRequires-Dist: {requires}\n"
        )
        (info / "entry_points.txt").write_text(f"[csai.plugins]\n{name} = test_{name}\n")

    @property
    def imports(self) -> int:
        return len(self.notes.read_text().splitlines()) if self.notes.exists() else 0

    @property
    def was_imported_here(self) -> bool:
        return str(os.getpid()) in self.notes.read_text().splitlines()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.setattr(ExtensionManager, "ENTRY_POINT_CACHE", {})
    yield Site(folder)
    for path in folder.glob("*.py"):
        sys.modules.pop(path.stem, None)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", plugins=("shop",), plugin_probe_s=30)


def test_a_verdict_is_remembered_until_the_plugin_changes(site: Site, settings: Settings) -> None:
    site.install("shop")
    assert vet(settings).verdicts["shop"].outcome == "ok"
    assert vet(settings).verdicts["shop"].outcome == "ok"
    assert site.imports == 1
    site.install("shop", EXITS)
    changed = vet(settings)
    assert changed.verdicts["shop"].cause == "importing it ended the process (exit code 3)"
    assert vet(settings).kept_out.keys() == {"shop"}
    assert site.imports == 2
    assert vet(settings, again=["shop"]).kept_out.keys() == {"shop"}
    assert site.imports == 3


def test_what_merely_raises_is_tried_again_at_the_next_start(site: Site, settings: Settings) -> None:
    site.install("shop", "raise RuntimeError('no licence')")
    assert "no licence" in vet(settings).kept_out["shop"].cause
    assert "no licence" in vet(settings).kept_out["shop"].cause
    assert site.imports == 2
    assert not site.was_imported_here


def test_what_dies_when_imported_is_not_imported_by_the_server(site: Site, settings: Settings) -> None:
    site.install("shop", EXITS)
    registry = load_registry(settings)
    assert list(registry.quarantined) == ["shop"]
    assert registry.quarantined["shop"].remedy


def test_a_plugin_for_another_sdk_is_not_even_tried(site: Site, settings: Settings) -> None:
    site.install("shop", requires="csai-sdk >=7.2,<8; python_version > '3'")
    (refused,) = vet(settings).refused
    assert refused.cause == "it needs csai-sdk <8,>=7.2, and csai-sdk 0.1.0 is installed"
    assert site.imports == 0
    site.install("shop", requires="csai_SDK>=0.1,<0.2")
    assert vet(settings).refused == ()


def test_a_disabled_plugin_is_left_alone_until_it_is_enabled(site: Site, settings: Settings) -> None:
    site.install("shop", EXITS)
    memory = plugin_memory(settings)
    memory.disable("shop")
    registry = load_registry(settings)
    assert (registry.plugins, registry.quarantined, site.imports) == ({}, {}, 0)
    (report,) = [item for item in plugin_reports(settings) if item.id == "shop"]
    assert (report.state, report.remedy) == ("not allowed", "csai plugins enable shop")
    memory.enable("shop")
    assert list(load_registry(settings).quarantined) == ["shop"]


def test_the_last_words_of_a_crashed_server_name_the_plugin(site: Site, settings: Settings) -> None:
    site.install("shop")
    assert vet(settings).kept_out == {}
    (plugin_memory(settings).crash_file()).write_text(
        "Fatal Python error: Segmentation fault\n\n"
        'Thread 0x01 (most recent call first):\n  File "/elsewhere.py", line 1 in wait\n\n'
        'Current thread 0x02 (most recent call first):\n  File "/usr/lib/ctypes.py", line 5 in call\n'
        f'  File "{site.folder}/test_shop.py", line 7 in hook\n  File "/csai/event.py", line 9 in _answer\n'
    )
    cause = vet(settings).kept_out["shop"].cause
    assert "Segmentation fault" in cause
    assert "test_shop.py, line 7" in cause
    assert plugin_memory(settings).crash_files() == []
    assert vet(settings).kept_out.keys() == {"shop"}


def test_a_server_that_still_runs_has_not_crashed(site: Site, settings: Settings) -> None:
    site.install("shop")
    file = plugin_memory(settings).crash_file()
    file.touch()
    points, _ = candidates(["shop"])
    name_the_crashed(plugin_memory(settings), points, {"shop": "any"})
    assert file.exists()


@pytest.mark.parametrize(
    "command",
    [
        ("plugins", "list"),
        ("plugins", "doctor"),
        ("plugins", "disable", "shop"),
        ("plugins", "enable", "shop"),
        ("doctor",),
    ],
    ids=" ".join,
)
def test_commands_that_help_import_no_plugin_themselves(
    site: Site, tmp_path: Path, command: tuple[str, ...]
) -> None:
    site.install("shop")
    variables = {"CSAI_DATA_DIR": str(tmp_path / "data"), "CSAI_PLUGINS": "shop,offline"}
    ended = CliRunner().invoke(app, list(command), env=variables)
    assert not isinstance(ended.exception, AssertionError)
    assert "shop" in ended.output or command == ("doctor",)
    assert "test_shop" not in sys.modules


def test_switching_a_plugin_off_for_a_client_imports_none(site: Site, tmp_path: Path) -> None:
    site.install("shop", EXITS)
    variables = {"CSAI_DATA_DIR": str(tmp_path / "data"), "CSAI_SECRET_KEYS": "0" * 32}
    for command in (("client", "create", "Shop"), ("client", "plugin", "Shop", "shop", "--off")):
        ended = CliRunner().invoke(app, list(command), env=variables)
        assert ended.exit_code == 0, ended.output
    assert ended.output == "shop is off for Shop.\n"
    assert site.imports == 0
