"""The tutorial for authors of plugins, followed to the letter; and its follower, which has to notice."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.outside import ROOT, Outside
from tests.support.port import free_port

FOLLOWER = ROOT / "scripts" / "follow_tutorial.py"
TUTORIAL = ROOT / "docs" / "plugins" / "tutorial.md"
OFFLINE = {"UV_OFFLINE": "1", "UV_NO_BUILD_ISOLATION": "1"}


def follow(page: Path, folder: Path, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(FOLLOWER), str(page), "--into", str(folder), "--port", str(free_port())],
        env=variables,
        capture_output=True,
        text=True,
        timeout=220,
        check=False,
    )


@pytest.mark.timeout(240)
def test_the_tutorial_says_what_happens(outside: Outside, tmp_path: Path) -> None:
    ended = follow(TUTORIAL, tmp_path, outside.environment(**OFFLINE))
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.parametrize(
    ("page", "says"),
    [
        ("```sh\ntrue\nfalse\n```\n", "a command failed"),
        ("```sh\necho one\n```\n\n```text\ntwo\n```\n", "it does not print"),
        ("```sh\necho one; echo two\n```\n\n```text\ntwo\none\n```\n", "not in this order"),
        ("```sh second-terminal\nfalse\n```\n", "does not become ready"),
    ],
)
def test_a_page_that_says_something_else_is_found_out(tmp_path: Path, page: str, says: str) -> None:
    (tmp_path / "page.md").write_text(page)
    ended = follow(tmp_path / "page.md", tmp_path, {"PATH": "/usr/bin:/bin"})
    assert ended.returncode == 1
    assert "page.md:" in ended.stderr
    assert says in ended.stderr


def test_files_and_the_shell_go_on_from_block_to_block(tmp_path: Path) -> None:
    page = "```json a/c.json\n{}\n```\n\n```sh\ncd a\nNAME=c.json\n```\n\n"
    page += "```sh\ncat $NAME\n```\n\n```text\n{}\n```\n"
    (tmp_path / "page.md").write_text(page)
    ended = follow(tmp_path / "page.md", tmp_path, {"PATH": "/usr/bin:/bin"})
    assert ended.returncode == 0, ended.stderr
