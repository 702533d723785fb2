"""What a model call costs, against sums made by hand and against the library's own, slower calculation."""

from __future__ import annotations

import socket
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal

import genai_prices
import pytest
from csai.usage.prices import price
from csai.usage.rates import Rates
from csai_sdk import Usage
from genai_prices.data_snapshot import get_snapshot
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
TEXT_KEYS = {"input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok", "requests_kcount"}


@pytest.mark.parametrize(
    ("provider", "model", "usage", "micros"),
    [
        # 1,000 x $3 + 500 x $15
        ("anthropic", "claude-sonnet-4-5", Usage(1_000, 500), 10_500),
        # 100 plain x $3, 800 read x $0.30, 100 written x $3.75, 300 out x $15
        ("anthropic", "claude-sonnet-4-5", Usage(1_000, 300, 800, 100), 5_415),
        # past 200,000 input tokens: 250,000 x $6 + 1,000 x $22.50
        ("anthropic", "claude-sonnet-4-5", Usage(250_000, 1_000), 1_522_500),
        # a dated name of the same model: 10,000 x $1 + 2,000 x $5
        ("anthropic", "claude-haiku-4-5-20251001", Usage(10_000, 2_000), 20_000),
        # 200 x $0.15 + 1,000 read x $0.075 + 300 x $0.60; writing has no rate of its own
        ("openai", "gpt-4o-mini", Usage(1_200, 300, 1_000, 0), 285),
        ("openai", "gpt-4o-mini", Usage(1_200, 300, 1_000, 100), 285),
        # 3 x $0.15 = 0.45, and 1 x $0.15 + 1 x $0.60 = 0.75
        ("openai", "gpt-4o-mini", Usage(3, 0), 0),
        ("openai", "gpt-4o-mini", Usage(1, 1), 1),
        # 10 x $0.15 = 1.5: exactly half of a millionth is rounded up
        ("openai", "gpt-4o-mini", Usage(10, 0), 2),
        # 1,000,000 x $2 + 0
        ("openai", "gpt-4.1", Usage(1_000_000, 0), 2_000_000),
    ],
)
def test_cost_equals_the_sum_made_by_hand(provider: str, model: str, usage: Usage, micros: int) -> None:
    cost = price(usage, model=model, price_provider=provider, at=AT)
    assert (cost.micros, cost.is_known) == (micros, True)


@pytest.mark.parametrize(
    ("usage", "saved"),
    [
        (Usage(1_000, 500), 0),
        # 900 x $3, for which 800 x $0.30 and 100 x $3.75 were paid
        (Usage(1_000, 300, 800, 100), 2_085),
        # Writing alone costs $0.75 a million more than not caching.
        (Usage(1_000, 300, 0, 1_000), -750),
    ],
)
def test_what_a_vendors_prompt_cache_saved_is_told(usage: Usage, saved: int) -> None:
    cost = price(usage, model="claude-sonnet-4-5", price_provider="anthropic", at=AT)
    plain = price(
        Usage(usage.tokens_input, usage.tokens_output),
        model="claude-sonnet-4-5",
        price_provider="anthropic",
        at=AT,
    )
    assert cost.saved_micros == saved == plain.micros - cost.micros


def test_cost_can_be_made_again_from_its_snapshot() -> None:
    cost = price(Usage(1_000, 300, 800, 100), model="claude-sonnet-4-5", price_provider="anthropic", at=AT)
    assert cost.snapshot is not None
    rates = {key: Decimal(cost.snapshot[key]) for key in ("input", "output", "cache_read", "cache_write")}
    again = (
        100 * rates["input"] + 800 * rates["cache_read"] + 100 * rates["cache_write"] + 300 * rates["output"]
    )
    assert again == cost.micros
    assert cost.snapshot["provider"] == "anthropic"
    assert cost.snapshot["source"].startswith("genai-prices ")


def test_long_prompt_is_recorded_with_the_rates_of_its_tier() -> None:
    cost = price(Usage(250_000, 1), model="claude-sonnet-4-5", price_provider="anthropic", at=AT)
    assert cost.snapshot is not None
    assert cost.snapshot["input"] == "6"


def test_call_without_a_price_provider_is_free_and_known() -> None:
    cost = price(Usage(1_000, 1_000), model="llama", price_provider=None)
    assert (cost.micros, cost.snapshot, cost.is_known) == (0, None, True)


@pytest.mark.parametrize(("provider", "model"), [("openai", "our-own-model-1"), ("nobody", "gpt-4o-mini")])
def test_unknown_model_costs_nothing_and_is_said_once(provider: str, model: str) -> None:
    with capture_logs() as logs:
        costs = [price(Usage(10, 10), model=model, price_provider=provider) for _ in range(3)]
    assert [(cost.micros, cost.is_known) for cost in costs] == [(0, False)] * 3
    assert [(entry["event"], entry["model"]) for entry in logs] == [("model price unknown", model)]


def test_operators_rate_serves_a_model_that_nobody_knows() -> None:
    own = {"openai:our-own-model-2": Rates(input=Decimal("0.5"), output=Decimal(2))}
    cost = price(Usage(1_000, 100, 400, 0), model="our-own-model-2", price_provider="openai", overrides=own)
    assert (cost.micros, cost.is_known) == (700, True)
    assert cost.snapshot == {
        "input": "0.5",
        "output": "2",
        "source": "override",
        "provider": "openai",
        "model": "our-own-model-2",
    }


def test_operators_rate_wins_over_the_published_one() -> None:
    own = {"openai:gpt-4o-mini": Rates(input=Decimal(1), output=Decimal(1), cache_read=Decimal(0))}
    cost = price(Usage(10, 10, 5, 0), model="gpt-4o-mini", price_provider="openai", overrides=own)
    assert cost.micros == 15


def test_more_cached_tokens_than_input_are_not_charged_beyond_the_input() -> None:
    reported = price(Usage(100, 0, 80, 80), model="claude-sonnet-4-5", price_provider="anthropic", at=AT)
    possible = price(Usage(100, 0, 80, 20), model="claude-sonnet-4-5", price_provider="anthropic", at=AT)
    assert reported.micros == possible.micros


def test_no_connection_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a price was looked up over the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert price(Usage(1_000_000, 0), model="gpt-4.1", price_provider="openai", at=AT).micros == 2_000_000
    assert get_snapshot().from_auto_update is False


tokens = st.integers(0, 2_000_000)
models = st.sampled_from(
    [
        ("anthropic", "claude-sonnet-4-5"),
        ("anthropic", "claude-haiku-4-5"),
        ("openai", "gpt-4o"),
        ("openai", "gpt-5"),
    ]
)


@given(models, tokens, tokens, tokens, st.integers(0, 100_000))
def test_more_tokens_never_cost_less(
    named: tuple[str, str], sent: int, received: int, cached: int, more: int
) -> None:
    provider, model = named
    cost = price(Usage(sent, received, cached), model=model, price_provider=provider, at=AT)
    longer_answer = Usage(sent, received + more, cached)
    longer_question = Usage(sent + more, received, cached)
    assert price(longer_answer, model=model, price_provider=provider, at=AT).micros >= cost.micros
    assert price(longer_question, model=model, price_provider=provider, at=AT).micros >= cost.micros


def _text_models() -> list[tuple[str, str]]:
    """Models with prices for text alone, by names the library itself finds them under."""
    names = []
    for provider in get_snapshot().providers:
        for model in provider.models:
            try:
                _, found = get_snapshot().find_provider_model(model.id, None, provider.id, None)
            except LookupError:
                continue
            keys = {key for key, value in vars(found.get_prices(AT)).items() if value is not None}
            if keys & {"input_mtok", "output_mtok"} and keys <= TEXT_KEYS:
                names.append((provider.id, model.id))
    return names


def test_cost_equals_the_librarys_own_for_every_text_model() -> None:
    names = _text_models()
    assert len(names) > 500
    for provider, model in names:
        for sent, received, read, written in (
            (1_003, 211, 607, 101),
            (300_001, 7, 0, 0),
            (1_200_000, 5, 5, 5),
        ):
            usage = genai_prices.Usage(
                input_tokens=sent, output_tokens=received, cache_read_tokens=read, cache_write_tokens=written
            )
            expected = genai_prices.calc_price(
                usage, model, provider_id=provider, genai_request_timestamp=AT
            ).total_price
            cost = price(Usage(sent, received, read, written), model=model, price_provider=provider, at=AT)
            rounded = (expected * 1_000_000).to_integral_value(ROUND_HALF_UP)
            assert cost.micros == rounded, (provider, model)
