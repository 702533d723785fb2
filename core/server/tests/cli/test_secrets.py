"""Changing the secret key, with commands alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from csai.cli import app
from typer.testing import CliRunner

from tests.support.backend import Backend

OLD, NEW, FOREIGN = (f"the {name} key of 32 characters......" for name in ("old", "new", "foreign"))


@pytest.mark.usefixtures("here")
def test_the_commands_say_what_is_left_to_do(backend: Backend) -> None:
    def csai(*arguments: str, keys: str) -> tuple[int, Any]:
        variables = {"CSAI_DATABASE_URL": backend.database_url, "CSAI_SECRET_KEYS": keys}
        ended = CliRunner().invoke(app, [*arguments, "--json"], env=variables)
        return ended.exit_code, json.loads(ended.stdout)

    def stored(keys: str) -> dict[str, Any]:
        _code, report = csai("doctor", keys=keys)
        found: dict[str, Any] = {each["name"]: each for each in report["checks"]}["stored secrets"]
        return found

    ids = [csai("client", "create", "Shop", keys=OLD)[1]["client_id"] for _ in range(3)]
    both = f"{NEW},{OLD}"
    older = stored(both)
    assert older["state"] == "warning"
    assert "csai secrets rotate" in older["remedy"]
    code, dry = csai("secrets", "rotate", "--dry-run", keys=both)
    assert (code, dry["can_drop_old_keys"]) == (0, False)
    code, done = csai("secrets", "rotate", "--batch", "2", keys=both)
    assert (code, done["can_drop_old_keys"]) == (0, True)
    assert stored(NEW)["state"] == "ok"
    lost = stored(FOREIGN)
    assert lost["state"] == "failed"
    assert f"client:{ids[0]}/identity" in lost["detail"]
    code, refused = csai("secrets", "rotate", keys=FOREIGN)
    assert (code, refused["can_drop_old_keys"], len(refused["unreadable"])) == (1, False, 3)
