"""What the documentation says of the code, held against the code."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from csai.cli import app
from csai.config import Settings
from csai.tools.service import CatalogTool
from typer.main import get_command

from tests.support.program import run

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
HELLO = DOCS / "plugins" / "hello"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
DECISIONS = sorted((DOCS / "decisions").glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_that_are_there(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
    missing = [target for target in targets if "://" not in target and not (page.parent / target).exists()]
    assert missing == []


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)
def test_a_decision_names_checks_that_exist(page: Path) -> None:
    named = re.findall(r"`([\w/.]+\.py)::(\w+)`", page.read_text(encoding="utf-8"))
    assert named
    for file, test in named:
        assert re.search(rf"def {test}\(", (ROOT / file).read_text(encoding="utf-8")), f"{file}::{test}"


def test_the_index_has_every_page() -> None:
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    pages = {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")} - {"README.md"}
    assert {page for page in pages if f"({page})" not in index} == set()


def test_the_configuration_table_has_every_variable_with_its_default() -> None:
    page = (DOCS / "operators" / "configuration.md").read_text(encoding="utf-8")
    documented = dict(re.findall(r"^\| `(CSAI_\w+)` \| (?:`([^`]*)`)? ?\|", page, re.MULTILINE))
    expected = {
        f"CSAI_{name.upper()}": _written(field.default) for name, field in Settings.model_fields.items()
    }
    assert documented == expected


def _written(default: object) -> str:
    return ",".join(map(str, default)) if isinstance(default, tuple) else str(default)


class TestHelloPlugin:
    CODE = (HELLO / "csai_tool_hello.py").read_text(encoding="utf-8")

    def test_it_is_eight_lines_and_the_readme_shows_them(self) -> None:
        assert len([line for line in self.CODE.splitlines() if line]) == 8
        assert self.CODE in (ROOT / "README.md").read_text(encoding="utf-8")

    def test_installed_it_is_loaded_as_a_tool(self, tmp_path: Path) -> None:
        uv = [str(Path(sys.executable).parent / "uv"), "pip", "install", "--quiet", "--offline"]
        target = ["--no-deps", "--no-build-isolation", "--target", str(tmp_path / "site")]
        subprocess.run(
            [*uv, *target, str(HELLO)],
            env={**os.environ, "VIRTUAL_ENV": str(Path(sys.executable).parents[1])},
            check=True,
            timeout=120,
        )
        ended = run("plugins", "list", "--json", cwd=tmp_path, PYTHONPATH=str(tmp_path / "site"))
        hello = {item["id"]: item for item in json.loads(ended.stdout)["plugins"]}["hello"]
        assert (hello["state"], hello["kinds"]) == ("loaded", ["tool"])


def test_the_example_of_a_catalog_file_is_one_that_the_catalog_takes() -> None:
    page = (DOCS / "operators" / "clients.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    CatalogTool.model_validate_json(example)
    documented = set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
    assert documented == set(CatalogTool.model_fields)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_commands_in_a_page_are_there_with_their_options(page: Path) -> None:
    blocks = re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    for written in (match for line in lines for match in re.findall(r"(?:^|[\s/])csai (.*)", line)):
        words = shlex.split(written, comments=True)
        command: Any = get_command(app)
        while hasattr(command, "commands"):
            command = command.commands[words.pop(0)]
        known = {
            name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)
        }
        assert {word for word in words if word.startswith("--")} <= known, written
