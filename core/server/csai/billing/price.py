"""What a plan costs: a base price a period, and what a dollar of the ledger's cost is charged at."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from csai_sdk import Clock
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.admins.audit import Actor, record
from csai.billing.money import MICROS, payable, to_amount, to_micros
from csai.kit.precondition import check_tag, tag_of
from csai.kit.problem import Problem
from csai.providers.repository import PlanFeatures

_CURRENCY = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True, slots=True)
class PlanPrice:
    """Millionths. `usage_rate_micros` is what a US dollar of the ledger is charged at."""

    base_micros: int = 0
    currency: str = "USD"
    usage_rate_micros: int = 1_000_000

    @classmethod
    def of(cls, features: Mapping[str, Any]) -> PlanPrice:
        """As a plan's features hold it; free, with usage at cost in dollars, where they say nothing."""
        return cls(**features.get("price", {}))

    def stored(self) -> dict[str, Any]:
        return {
            "base_micros": self.base_micros,
            "currency": self.currency,
            "usage_rate_micros": self.usage_rate_micros,
        }

    def usage_micros(self, ledger_micros: int) -> int:
        """What the ledger's cost comes to in the plan's currency, to the nearest millionth."""
        exact = Decimal(ledger_micros) * self.usage_rate_micros / MICROS
        return int(exact.quantize(Decimal(1), ROUND_HALF_UP))


def checked_price(*, base: Decimal, currency: str, usage_rate: Decimal | None) -> PlanPrice:
    """Raises `Problem` for a price that cannot be. In dollars usage is at cost where no rate is given."""
    currency = currency.strip().upper()
    if not _CURRENCY.fullmatch(currency):
        raise Problem(422, "currency_invalid", "Give a currency by its three letters, such as EUR.")
    if usage_rate is None:
        if currency != "USD":
            raise Problem(
                422,
                "usage_rate_missing",
                f"Models are paid in US dollars: say what a dollar of them costs in {currency}, or 0.",
            )
        usage_rate = Decimal(1)
    try:
        price = PlanPrice(to_micros(base), currency, to_micros(usage_rate))
    except ValueError as error:
        raise Problem(422, "price_invalid", f"The price cannot be: {error}.") from None
    if price.base_micros < 0 or not 0 <= price.usage_rate_micros <= 10**12:
        raise Problem(
            422, "price_invalid", "A base price and a rate are not below 0, a rate below a million."
        )
    if payable(price.base_micros, currency) != price.base_micros:
        raise Problem(422, "price_invalid", f"The base price cannot be paid to its last digit in {currency}.")
    return price


async def plan_price(connection: AsyncConnection, plan: str) -> tuple[PlanPrice, str]:
    """A plan's price, and its tag. Raises `Problem`."""
    price = PlanPrice.of(await PlanFeatures(connection, plan).get())
    return price, tag_of(price.stored())


async def set_plan_price(
    transaction: AsyncConnection,
    plan: str,
    price: PlanPrice,
    *,
    tags: Collection[str] | None = None,
    clock: Clock,
    actor: Actor,
) -> None:
    """For invoices made from now on; those there are keep what they were made with. Raises `Problem`."""
    repository = PlanFeatures(transaction, plan)
    features = await repository.get(is_locking=True)
    before = PlanPrice.of(features)
    check_tag(before.stored(), tags)
    if price == before and "price" in features:
        return
    await repository.put({**features, "price": price.stored()})
    await record(
        transaction,
        actor,
        "plan.price_set",
        object=f"plan:{plan}",
        before=_shown(before),
        after=_shown(price),
        at=clock.now(),
    )


def _shown(price: PlanPrice) -> dict[str, str]:
    return {
        "base": str(to_amount(price.base_micros)),
        "currency": price.currency,
        "usage_rate": str(to_amount(price.usage_rate_micros)),
    }
