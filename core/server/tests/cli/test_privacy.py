"""`csai privacy`: shown, then forgotten."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4


def test_what_is_exported_is_gone_once_it_is_erased(csai: Any) -> None:
    session = str(uuid4())

    exported = csai("privacy", "export", "Shop", "--session", session)
    erased = csai("privacy", "erase", "Shop", "--session", session, "--json")

    assert json.loads(exported.stdout) == {
        "visitor": None,
        "conversations": [],
        "channels": [],
        "plugin_store": [],
    }
    assert json.loads(erased.stdout) == {"status": "erased", "conversations": 0, "failing": []}


def test_erasing_asks_first(csai: Any) -> None:
    refused = csai("privacy", "erase", "Shop", "--visitor", "ada", stdin="n\n")
    assert refused.exit_code == 1
    assert "Forget ada of Shop for good?" in refused.stdout + refused.stderr


def test_exactly_one_subject_is_named(csai: Any) -> None:
    for options in ((), ("--visitor", "ada", "--session", str(uuid4())), ("--session", "no id")):
        refused = csai("privacy", "export", "Shop", *options)
        assert refused.exit_code == 2
        assert "--session" in refused.stderr or "session_id" in refused.stderr
