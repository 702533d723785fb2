"""What is no Israeli phone number, address, date or amount."""

from __future__ import annotations

import pytest
from csai_locale_hebrew.locale import Hebrew

FORMS = Hebrew().forms()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("phone-IL", "050-123"),
        ("phone-IL", "+1 212 555 0143"),
        ("phone-IL", "1-700-123-456"),
        ("phone-IL", "*2700"),
        ("phone-IL", "06-123-4567"),
        ("phone-IL", "050-123-4567 או 052-123-4567"),
        ("phone-IL", "٠٥٠١٢٣٤٥٦٧"),
        ("postal-code-IL", "61201"),
        ("postal-code-IL", "٦١٢٠١٠١"),
        ("address-IL", "הרצל, תל אביב"),
        ("address-IL", "הרצל 5"),
        ("address-IL", "הרצל 5, 6120101"),
        ("address-IL", "תל אביב"),
        ("date-IL", "31.2.2026"),
        ("date-IL", "11/26/2026"),
        ("date-IL", "26.11"),
        ("date-IL", "26.11-2026"),
        ("date-IL", "מחר"),
        ("amount-ILS", "12,5"),
        ("amount-ILS", "-5"),
        ("amount-ILS", "$50"),
        ("amount-ILS", "1.234,50"),
        ("amount-ILS", "50 ₪ 60"),
    ],
)
def test_is_refused(name: str, text: str) -> None:
    with pytest.raises(ValueError, match="wanted"):
        FORMS[name](text)


def test_marks_of_direction_are_read_over() -> None:
    assert FORMS["phone-IL"]("\u2066050-123-4567\u2069") == "+972501234567"
    assert FORMS["amount-ILS"]("\u200f50 ₪") == "50.00"
