"""Experiments, replays, costs and cheaper models with commands."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from typer.testing import Result

Csai = Callable[..., Result]


def shown(csai: Csai, *arguments: str) -> Any:
    ended = csai(*arguments, "--json")
    assert ended.exit_code == 0, ended.output + ended.stderr
    return json.loads(ended.stdout)


def test_an_experiment_is_set_up_started_read_and_stopped(csai: Csai, tmp_path: Path) -> None:
    made = shown(
        csai, "experiments", "create", "Shop", "Two", "--arm", "now", "--arm", "cheap=openai/gpt-5.4-mini"
    )
    assert [(arm["name"], arm["chain"]) for arm in made["arms"]] == [
        ("now", []),
        ("cheap", ["openai/gpt-5.4-mini"]),
    ]
    assert shown(csai, "experiments", "start", "Shop", "Two")["status"] == "running"
    assert "Too few conversations" in csai("experiments", "results", "Shop", "Two").stdout
    assert shown(csai, "experiments", "stop", "Shop", made["id"])["status"] == "stopped"
    assert [each["status"] for each in shown(csai, "experiments", "list", "Shop")["experiments"]] == [
        "stopped"
    ]


def test_arms_come_from_a_file_as_well(csai: Csai, tmp_path: Path) -> None:
    file = tmp_path / "arms.yaml"
    file.write_text("- name: plain\n- name: warm\n  prompt: Be warm.\n  weight: 3\n")
    made = shown(csai, "experiments", "create", "Shop", "Warm", "--file", str(file))
    assert made["arms"][1]["weight"] == 3
    for wrong in (["--arm", "alone"], [], ["--arm", "a", "--arm", "b", "--file", str(file)]):
        assert csai("experiments", "create", "Shop", "Other", *wrong).exit_code == 2
    assert csai("experiments", "start", "Shop", "Nothing").exit_code == 2


def test_models_for_simple_questions_are_chosen_beside_the_chain(csai: Csai) -> None:
    shown(csai, "client", "providers", "Shop", "--use", "openai/gpt-5.4")
    routed = shown(csai, "client", "providers", "Shop", "--simple", "offline", "--threshold", "40")
    assert routed["chain"] == ["openai/gpt-5.4"]
    assert routed["routing"] == {"simple": ["offline"], "threshold": 40}
    assert shown(csai, "client", "providers", "Shop", "--threshold", "20")["routing"]["simple"] == ["offline"]
    assert shown(csai, "client", "providers", "Shop", "--no-simple")["routing"]["simple"] == []
    assert shown(csai, "client", "providers", "Shop", "--reset")["routing"] is None
    plan = shown(csai, "plans", "providers", "default", "--simple", "claude/claude-haiku-5-5")
    assert (plan["simple"], plan["threshold"]) == (["claude/claude-haiku-5-5"], 30)
    assert csai("client", "providers", "Shop", "--reset", "--threshold", "1").exit_code == 2


def test_past_decisions_are_made_again(csai: Csai) -> None:
    assert shown(csai, "client", "replay-routing", "Shop", "--threshold", "50")["turns"] == 0
    assert "0 turns of 30 days, threshold 30" in csai("client", "replay-routing", "Shop").stdout


def test_what_models_cost_and_would_have_cost_is_told(csai: Csai) -> None:
    spent = shown(csai, "usage", "providers")
    assert (spent["total"]["calls"], spent["clients"]) == (0, [])
    assert shown(csai, "usage", "client", "Shop", "--days", "7")["providers"] == []
    assert shown(csai, "usage", "client", "Shop", "--by-day")["days"] == []
    assert "In all" in csai("usage", "client", "Shop").stdout
    assert "No model was called" in csai("client", "recommend", "Shop").stdout
    assert shown(csai, "client", "recommend", "Shop")["cheaper"] == []
