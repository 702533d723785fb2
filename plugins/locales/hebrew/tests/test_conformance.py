"""The Hebrew plugin keeps what the SDK asks of locales."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from csai_testkit.conformance import LocaleSuite


class TestHebrew(LocaleSuite):
    plugin = "csai_locale_hebrew"
    capabilities = ("all_labels",)
    samples = (
        "איפה ההזמנה שלי?",
        "תודה!",
        "אֵיפֹה הַהַזְמָנָה שֶׁלִּי?",
        "iPhone 15 Pro Max יש לכם במלאי?",
        "כמה עולה Shipping לחיפה? המספר שלי 050-123-4567",
        "הקישור https://shop.example/products/blue-kettle לא עובד",
        "אפשר להחזיר את ה-T-shirt?",
    )
    others = (
        "What does שלום mean?",
        "Is the book ספר הג'ונגל in stock at the moment?",
        "װוּ איז מײַן באַשטעלונג?",
        "Wo ist meine Bestellung?",
        "Où est ma commande ?",
    )
    forms: ClassVar[Mapping[str, Sequence[tuple[str, str]]]] = {
        "phone-IL": (
            ("050-123-4567", "+972501234567"),
            ("(02) 567-1234", "+97225671234"),
            ("00972 50 1234567", "+972501234567"),
            ("+972 (0)77-123.4567", "+972771234567"),
        ),
        "postal-code-IL": (("61201-01", "6120101"), (" 9414101 ", "9414101")),
        "address-IL": (
            ("רחוב הרצל 5 דירה 3, תל אביב, מיקוד 6120101, ישראל", "הרצל 5/3, תל אביב 6120101"),
            ("רח' ז'בוטינסקי 12א, כניסה ב, קומה 2\nרמת גן", "ז'בוטינסקי 12א, כניסה ב, קומה 2, רמת גן"),
            ('ת"ד 123, ירושלים 9414101', 'ת"ד 123, ירושלים 9414101'),
            ("P.O. Box 123, Jerusalem 9414101", 'ת"ד 123, Jerusalem 9414101'),
            ("דגניה א', 1512000", "דגניה א' 1512000"),
            ("5 Herzl St apt 3, Tel Aviv, Israel", "5 Herzl St/3, Tel Aviv"),
        ),
        "date-IL": (
            ("26.11.2026", "2026-11-26"),
            ("3/4/27", "2027-04-03"),
            ("26 בנובמבר 2026", "2026-11-26"),
            ("1 מרס 2027", "2027-03-01"),
        ),
        "amount-ILS": (
            ("₪1,234.5", "1234.50"),
            ('50 ש"ח', "50.00"),
            ("NIS 50", "50.00"),
            ("12 שקלים חדשים", "12.00"),
        ),
    }
