"""Which providers are asked, and in which order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from csai.plugins.chain import model_chain
from csai.providers.choice import ModelRef, PlanProviders, own_model, wanted_chain


@pytest.mark.parametrize(
    ("usable", "wanted", "fallbacks", "asked"),
    [
        ("claude openai offline", "openai", ["claude"], "openai claude offline"),
        ("claude openai offline", "openai", ["openai", "offline"], "openai offline"),
        ("claude offline", "openai", ["claude"], "claude offline"),
        ("claude ollama offline", "openai", ["gone"], "claude offline"),
        ("offline claude ollama", "", [], "claude offline"),
        ("claude offline", "offline", [], "offline"),
        ("offline", "", [], "offline"),
        ("claude", "", [], "claude"),
        ("", "claude", [], ""),
    ],
)
def test_the_wanted_one_comes_first_and_the_offline_one_last(
    usable: str, wanted: str, fallbacks: Sequence[str], asked: str
) -> None:
    chain = model_chain(
        usable.split(), wanted=[ModelRef(name) for name in (wanted, *fallbacks)], model_of=lambda _name: "m"
    )
    assert chain == [ModelRef(name, "m") for name in asked.split()]


@pytest.mark.parametrize(
    ("wanted", "allowed", "asked"),
    [
        ("claude/opus claude/haiku", None, "claude/opus claude/haiku offline/m"),
        ("claude/opus claude/haiku", ["claude/haiku"], "claude/haiku offline/m"),
        ("claude/opus", ["claude/hai*", "openai/*"], "openai/m offline/m"),
        ("claude openai/gpt", ["claude/m"], "claude/m offline/m"),
        ("claude/opus", [], "offline/m"),
        ("gone/x claude/a/b", ["claude/a/*"], "claude/a/b offline/m"),
        ("claude/x claude/x", None, "claude/x offline/m"),
    ],
)
def test_a_plan_narrows_the_chain_down_to_the_models_it_allows(
    wanted: str, allowed: Sequence[str] | None, asked: str
) -> None:
    plan = PlanProviders(models=None if allowed is None else tuple(allowed))
    chain = model_chain(
        ["claude", "openai", "offline"],
        wanted=[ModelRef.parse(text) for text in wanted.split()],
        model_of=lambda _name: "m",
        allows=plan.allows,
    )
    assert " ".join(map(str, chain)) == asked


@pytest.mark.parametrize(
    ("plan", "settings", "chain", "source"),
    [
        ({}, {}, "installed", "installation"),
        ({"chain": ["claude/haiku"]}, {}, "claude/haiku", "plan"),
        ({"chain": ["claude/haiku"]}, {"chain": ["openai/gpt", "claude"]}, "openai/gpt claude", "client"),
        ({"chain": ["claude"]}, {"provider": "openai", "fallback_providers": ["x"]}, "openai x", "client"),
        ({"chain": ["claude"], "may_choose": False}, {"chain": ["openai"]}, "claude", "plan"),
        ({"may_choose": False}, {"provider": "openai"}, "installed", "installation"),
    ],
)
def test_the_client_chooses_where_its_plan_lets_it(
    plan: dict[str, Any], settings: dict[str, Any], chain: str, source: str
) -> None:
    wanted = wanted_chain(
        PlanProviders.of({"providers": plan} if plan else {}), settings, default_provider="installed"
    )
    assert (" ".join(map(str, wanted.chain)), wanted.source) == (chain, source)


def test_a_model_set_in_short_counts_only_where_the_client_may_choose() -> None:
    settings = {"models": {"openai": "gpt"}}
    assert own_model(PlanProviders(), settings, "openai") == "gpt"
    assert own_model(PlanProviders(may_choose=False), settings, "openai") == ""


def test_what_a_plan_says_is_read_as_it_was_stored() -> None:
    plan = PlanProviders((ModelRef("claude", "haiku"),), ("claude/*",), may_choose=False)
    assert PlanProviders.of({"providers": plan.stored()}) == plan
