"""`csai retention run` as an operator types it."""

from __future__ import annotations

import json
from typing import Any

from csai.cli.retention import HEADINGS
from csai.privacy.repository import RULES


def test_a_dry_run_names_each_client_and_removes_nothing(csai: Any) -> None:
    told = json.loads(csai("retention", "run", "--dry-run", "--json").stdout)
    (shop,) = told["clients"]
    assert told["dry_run"] is True
    assert (shop["name"], shop["messages"], shop["tool_log"]) == ("Shop", 0, 0)


def test_a_run_is_told_as_a_table(csai: Any) -> None:
    ended = csai("retention", "run", "--client", "Shop")
    assert ended.exit_code == 0
    assert "Shop" in ended.stdout
    assert "nothing was due" in ended.stdout
    assert "Removed." in ended.stdout


def test_the_table_has_a_name_for_each_rule() -> None:
    assert list(HEADINGS) == [rule.name for rule in RULES]


def test_an_unknown_client_is_refused(csai: Any) -> None:
    refused = csai("retention", "run", "--client", "Nobody")
    assert refused.exit_code == 2
    assert "There is no client 'Nobody'" in refused.stderr


def test_a_clients_own_period_is_a_number_of_days(csai: Any) -> None:
    assert csai("client", "set", "Shop", "message_days", "14").exit_code == 0
    refused = csai("client", "set", "Shop", "message_days", "0")
    assert refused.exit_code == 2
    assert "from 1 to 9999" in refused.stderr
