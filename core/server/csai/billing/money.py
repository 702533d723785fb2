"""Money: whole millionths of a currency's major unit in tables, `Decimal` everywhere else."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

MICROS = Decimal(1_000_000)
MAX_MICROS = 10**15
"""A billion of the major unit: more is a mistake, and the sums of many still fit their columns."""

# ISO 4217's currencies without a minor unit, and Madagascar's, whose fifths nobody pays electronically.
_WHOLE = frozenset(
    (
        "BIF",
        "CLP",
        "DJF",
        "GNF",
        "ISK",
        "JPY",
        "KMF",
        "KRW",
        "MGA",
        "PYG",
        "RWF",
        "UGX",
        "VND",
        "VUV",
        "XAF",
        "XOF",
        "XPF",
    )
)


def to_micros(amount: Decimal) -> int:
    """Raises `ValueError` for what has more than six decimals, or is no amount of money."""
    if not amount.is_finite():
        raise ValueError("no amount")
    micros = amount * MICROS
    if micros != micros.to_integral_value() or abs(micros) > MAX_MICROS:
        raise ValueError("an amount has at most six decimals, and is no more than a billion")
    return int(micros)


def to_amount(micros: int) -> Decimal:
    """Without the zeros at its end, but for those of cents."""
    amount = Decimal(micros) / MICROS
    cents = amount.quantize(Decimal("0.01"))
    return cents if cents == amount else amount.normalize()


def payable(micros: int, currency: str) -> int:
    """The amount as it can be paid: to the cent, or to the whole unit where the currency has no smaller one.

    A third decimal, as of Kuwait's dinar, is not used: card networks take it only as a zero.
    """
    step = Decimal(1) if currency in _WHOLE else Decimal("0.01")
    return to_micros((Decimal(micros) / MICROS).quantize(step, ROUND_HALF_UP))
