"""Choosing models with commands."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import Result

Csai = Callable[..., Result]


def shown(csai: Csai, *arguments: str) -> Any:
    ended = csai(*arguments, "--json")
    assert ended.exit_code == 0, ended.output + ended.stderr
    return json.loads(ended.stdout)


def test_a_chain_is_chosen_told_with_its_reasons_and_taken_back(csai: Csai) -> None:
    chosen = shown(csai, "client", "providers", "Shop", "--use", "openai/gpt-5.4-mini", "--use", "offline")
    assert (chosen["chain"], chosen["source"]) == (["openai/gpt-5.4-mini", "offline"], "client")
    assert [each["provider"] for each in chosen["answering"]] == ["offline"]
    assert [each["model"] for each in chosen["left_out"]] == ["openai/gpt-5.4-mini"]
    assert "Not openai/gpt-5.4-mini" in csai("client", "providers", "Shop").stdout
    assert shown(csai, "client", "providers", "Shop", "--reset")["chain"] == []


def test_a_plans_list_and_chain_are_set_one_by_one(csai: Csai) -> None:
    shown(csai, "plans", "providers", "default", "--use", "claude/claude-haiku-5-5")
    shown(csai, "plans", "providers", "default", "--allow", "claude/*", "--allow", "openai/gpt-5*")
    assert shown(csai, "plans", "providers", "default", "--plan-chooses") == {
        "name": "default",
        "chain": ["claude/claude-haiku-5-5"],
        "models": ["claude/*", "openai/gpt-5*"],
        "may_choose": False,
        "simple": [],
        "threshold": 30,
    }
    refused = csai("client", "providers", "Shop", "--use", "claude")
    assert refused.exit_code == 2
    assert "do not choose their models" in refused.stderr
    opened = shown(csai, "plans", "providers", "default", "--allow-all", "--no-chain", "--clients-choose")
    assert (opened["chain"], opened["models"], opened["may_choose"]) == ([], None, True)


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [("model", "gpt-9", "does not allow openai/gpt-9"), ("provider", "claude", "has a chain of models")],
)
def test_the_short_settings_keep_to_plan_and_chain(csai: Csai, setting: str, value: str, said: str) -> None:
    assert csai("client", "set", "Shop", "provider", "openai").exit_code == 0
    shown(csai, "plans", "providers", "default", "--allow", "openai/gpt-5*")
    if setting == "provider":
        shown(csai, "client", "providers", "Shop", "--use", "openai")
    refused = csai("client", "set", "Shop", setting, value)
    assert refused.exit_code == 2
    assert said in refused.stderr
