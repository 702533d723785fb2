"""Amounts as Stripe writes them: whole numbers of a currency's smallest unit.

Source: https://docs.stripe.com/currencies#zero-decimal and #special-cases
"""

from __future__ import annotations

from decimal import Decimal

from csai_sdk import GatewayError

_ZERO_DECIMAL = frozenset(
    ("BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF")
)
# Written with three decimals, the last of which has to be a zero.
_THREE_DECIMAL = frozenset(("BHD", "JOD", "KWD", "OMR", "TND"))
# Written with two decimals for old times' sake, though there are none.
_WHOLE_WITH_TWO = frozenset(("ISK", "UGX"))


def to_smallest(amount: Decimal, currency: str) -> int:
    """Raises `GatewayError` for an amount that Stripe cannot take to its last digit."""
    currency = currency.upper()
    units = amount.scaleb(_decimals(currency))
    step = 10 if currency in _THREE_DECIMAL else 100 if currency in _WHOLE_WITH_TWO else 1
    if units <= 0 or units % step != 0:
        raise GatewayError(f"Stripe cannot take {amount} {currency} to its last digit")
    return int(units)


def from_smallest(units: int, currency: str) -> Decimal:
    return Decimal(units).scaleb(-_decimals(currency.upper()))


def _decimals(currency: str) -> int:
    if currency in _ZERO_DECIMAL:
        return 0
    return 3 if currency in _THREE_DECIMAL else 2
