"""What the tests of commands share: an installation nothing configures, and a log left as it was."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from csai.cli import app
from typer.testing import CliRunner, Result

from tests.support.backend import Backend
from tests.support.program import environment
from tests.support.verdicts import KnownPlugins

SECRET = "0123456789abcdef0123456789abcdef"


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    """Commands point the process' log at their own stderr."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers, root.level = handlers, level


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, and nothing that configures csai."""
    monkeypatch.chdir(tmp_path)
    for name in os.environ.keys() - environment().keys():
        monkeypatch.delenv(name)
    return tmp_path


@pytest.fixture
def here(bare: Path, known_plugins: KnownPlugins) -> Path:
    """An installation that nothing configures, in the working folder, which knows its plugins already."""
    known_plugins.put(bare / "data")
    return bare


@pytest.fixture
def csai(here: Path, backend: Backend) -> Callable[..., Result]:
    """The commands, on a database of their own that has the client Shop."""
    variables = {"CSAI_DATABASE_URL": backend.database_url, "CSAI_SECRET_KEYS": SECRET}

    def run(*arguments: str, stdin: str | None = None) -> Result:
        return CliRunner().invoke(app, list(arguments), env=variables, input=stdin)

    assert run("client", "create", "Shop").exit_code == 0
    return run
