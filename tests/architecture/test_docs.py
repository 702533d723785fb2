"""What the documentation says of the code, held against the code."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from csai.config import Settings

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
