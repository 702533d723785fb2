"""What the tests of commands share: an installation nothing configures, and a log left as it was."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.program import environment


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    """Commands point the process' log at their own stderr."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers, root.level = handlers, level


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation that nothing configures, with the test's folder as its working folder."""
    monkeypatch.chdir(tmp_path)
    for name in os.environ.keys() - environment().keys():
        monkeypatch.delenv(name)
    return tmp_path
