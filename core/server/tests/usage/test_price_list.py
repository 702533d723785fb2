"""What of a model's price is known, without reckoning one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from csai.usage.price_list import PROBE, OwnPrice, PriceList
from csai.usage.rates import Rates
from csai_sdk import ModelTraits
from csai_testkit.scripted import ScriptedProvider

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
RATES = Rates(input=Decimal(1), output=Decimal(2))


@pytest.mark.parametrize(
    ("price_provider", "model", "is_known"),
    [
        ("anthropic", "claude-sonnet-4-5", True),
        ("anthropic", "nobodys-model-1", False),
        ("nobody", "claude-sonnet-4-5", False),
        (None, "nobodys-model-1", True),  # free
        ("anthropic", "the-operators-model", True),
        ("anthropic", "an-admins-model", True),
        ("anthropic", "an-admins-model-from-tomorrow", False),
        ("anthropic", "no-longer-an-admins-model", False),
        ("anthropic", "claude-haiku-4-5", True),  # the admin's own, and then the published one again
    ],
)
def test_a_price_is_known_where_a_call_has_one(
    price_provider: str | None, model: str, is_known: bool
) -> None:
    provider = ScriptedProvider(["Hello"], traits=ModelTraits(price_provider=price_provider))
    own = [
        OwnPrice(provider.id, "an-admins-model", AT, RATES),
        OwnPrice(provider.id, "an-admins-model-from-tomorrow", AT + timedelta(days=1), RATES),
        *(
            OwnPrice(provider.id, name, AT - timedelta(days=age), rates)
            for name in ("no-longer-an-admins-model", "claude-haiku-4-5")
            for age, rates in ((2, RATES), (1, None))
        ),
    ]
    prices = PriceList(defaults={"anthropic:the-operators-model": RATES}, own=own)

    assert prices.knows(provider, model, AT) is is_known
    assert prices.cost(PROBE, provider=provider, model=model, at=AT).is_known is is_known
