"""A client's keys and its switch, with commands."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.backend import Backend

from .test_switching import Operator


def test_keys_are_replaced_and_revoked_with_commands(backend: Backend, here: Path) -> None:
    operator = Operator(backend)
    made = operator.do("client", "new-key", "Shop", "secret", "--overlap-hours", "0").strip()
    keys = json.loads(operator.do("client", "keys", "Shop", "--json"))["keys"]
    operator.do("client", "revoke-key", "Shop", keys[0]["id"])
    unknown = operator.csai("client", "revoke-key", "Shop", "x")

    assert made.startswith("sk_")
    assert sorted((each["kind"], each["expires_at"] is None) for each in keys) == [
        ("publishable", True),
        ("secret", False),
        ("secret", True),
    ]
    assert keys[0]["hint"] == made[-4:]
    assert unknown.exit_code != 0
    assert "There is no such key" in unknown.output + unknown.stderr


def test_a_client_is_switched_off_and_on_with_commands(backend: Backend, here: Path) -> None:
    operator = Operator(backend)
    assert "none of its keys works" in operator.do("client", "deactivate", "Shop")
    (listed,) = json.loads(operator.do("client", "list", "--json"))["clients"]
    assert listed["status"] == "inactive"
    assert "its keys work" in operator.do("client", "activate", "Shop")
